"""Values for views, each valid as it stands; a test names only what it is about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot.domain.access import Operation, Person
from bot.domain.channel import Cause, Channel, HistoryEntry, InboxSpec, Kind, State
from bot.domain.features import Feature, Wording
from bot.domain.grant import MailboxIdentity, Revocation, Secret
from bot.domain.ids import (
    ChannelId,
    ConversationId,
    GrantId,
    IncidentId,
    NoticeId,
    RequestId,
    TicketId,
    UserId,
    WorkspaceId,
)
from bot.domain.incident import Incident, IncidentKind
from bot.domain.lifecycle import Signal
from bot.domain.notice import Notice, NoticeKind
from bot.domain.request import APPROVAL_LASTS, Request, RequestedChange, RequestState
from bot.domain.ticket import OutcomeKind, Purpose, Ticket, TicketOutcome
from bot.domain.view_models import (
    Ask,
    AuthorizationStart,
    ChannelRow,
    ChannelStatus,
    IncidentModel,
    NoticeModel,
    Overview,
    Removal,
    SetupCard,
    StateCounts,
)
from bot.views.i18n import language_for
from tests.inboxes import with_changes

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
EN, JA = language_for("en-US"), language_for("ja-JP")
LANGUAGES = (EN, JA)
ALL = frozenset(Operation)
W, ANN, BOB = WorkspaceId("T1"), UserId("U0ANN"), UserId("U0BOB")
URL = "https://bot.example/l/0123456789abcdef0123456789abcdef"
SCOPES = frozenset({"openid", "email", "https://www.googleapis.com/auth/gmail.labels"})
MICROSOFT_SCOPES = frozenset({"User.Read", "Mail.ReadBasic"})
SHARED_SCOPES = frozenset({"User.Read", "User.ReadBasic.All", "Mail.ReadBasic.Shared"})

GMAIL = "https://www.googleapis.com/auth/"

HOSTILE = (
    "<!channel> *bold* _under_ ~gone~ `code` <https://evil.example|bank> &amp; <@U0ANN> @here @channel",
    "> quote\n>>> more\n\n```\nblock\n```",
    "x" * 3000,
    "&" * 3000,
    "<>&*_~`" * 500,
    "\u202egnp.exe\u202c שלום עולם مرحبا",
    "😀👩‍👩‍👧‍👦🏳️‍🌈" * 300,
    ":fire: :+1: :flag-jp:",
    "{company} {0} {} %s %(x)s",
    "\x00\x07\ud800\u200b\ufeff",
    "<script>alert(1)</script>\"'",
    "",
)
"""What people may type into a name, an address or a use."""


_CHANNEL = Channel(
    id=ChannelId("c1"),
    workspace_id=W,
    address="ann@example.com",
    kind=Kind.PERSONAL,
    owner_id=ANN,
    connected_by=ANN,
    provider="google",
    identity=MailboxIdentity("google", "1001"),
    state=State.CONNECTED,
    cause=Cause.NONE,
    since=NOW - timedelta(hours=3),
    created_at=NOW - timedelta(days=9),
    grant_id=GrantId("g1"),
    version=3,
)


def a_channel(**changes: Any) -> Channel:
    return replace(_CHANNEL, **changes)


def a_team_channel(**changes: Any) -> Channel:
    team = {"kind": Kind.TEAM, "owner_id": None, "name": "Support", "address": "support@example.com"}
    return a_channel(**{"id": ChannelId("t1"), "use": "Zendesk reads it", **team, **changes})


def a_row(channel: Channel | None = None, **changes: Any) -> ChannelRow:
    row = ChannelRow(
        channel=channel or a_channel(),
        provider_label="Gmail",
        last_ok_at=NOW - timedelta(minutes=4),
        may=ALL,
        is_own=True,
    )
    return replace(row, **changes) if changes else row


def in_state(state: State, cause: Cause = Cause.NONE, **changes: Any) -> ChannelRow:
    return a_row(a_channel(state=state, cause=cause, **changes))


@cache
def many_rows(count: int, **changes: Any) -> tuple[ChannelRow, ...]:
    """Rows in every state, by turns."""
    states = (State.CONNECTED, State.DISCONNECTED, State.DISABLED, State.IMPAIRED)
    refused = {State.DISCONNECTED: Cause.GRANT_REFUSED, State.IMPAIRED: Cause.PROVIDER_UNREACHABLE}
    return tuple(
        a_row(
            a_team_channel(
                id=ChannelId(f"t{n}"),
                address=f"team{n}@example.com",
                state=states[n % 4],
                cause=refused.get(states[n % 4], Cause.NONE),
                **changes,
            ),
            is_own=False,
        )
        for n in range(count)
    )


def an_overview(**changes: Any) -> Overview:
    """Of all that there is, unless ``tally`` says that there is more."""
    bare = Overview(own=(), team=(), others=(), tally=StateCounts(), may_connect=True, command="/inbox")
    shown = replace(bare, **changes)
    states = Counter(row.channel.state for row in (*shown.own, *shown.team, *shown.others))
    return replace(shown, tally=changes.get("tally", StateCounts(states, own=len(shown.own))))


def a_setup_card(**changes: Any) -> SetupCard:
    card = SetupCard(
        is_for_admin=True,
        admins=(ANN,),
        base_url="http://localhost:8080",
        loopback_only=True,
        google_on=False,
    )
    return replace(card, **changes)


_INCIDENT = Incident(
    id=IncidentId("i1"),
    workspace_id=W,
    channel_id=ChannelId("c1"),
    kind=IncidentKind.DEAD,
    cause=Cause.GRANT_REFUSED,
    opened_at=NOW - timedelta(hours=2, minutes=14),
    code="invalid_grant",
)


def an_incident(**changes: Any) -> Incident:
    return replace(_INCIDENT, **changes)


def a_status(row: ChannelRow | None = None, **changes: Any) -> ChannelStatus:
    status = ChannelStatus(
        row=row or a_row(),
        scopes=SCOPES,
        connected_by=ANN,
        obtained_at=NOW - timedelta(days=9),
        incident=None,
        next_probe_at=NOW + timedelta(minutes=11),
        recent=tuple(
            HistoryEntry(W, ChannelId("c1"), NOW - timedelta(hours=n), s, ANN) for n, s in enumerate(Signal)
        ),
    )
    return replace(status, **changes)


def a_removal(revocation: Revocation = Revocation.CONFIRMED, **changes: Any) -> Removal:
    removal = Removal(
        channel=a_channel(state=State.REMOVED, cause=Cause.BY_PERSON),
        revocation=revocation,
        shared_here=0,
        shared_elsewhere=0,
        provider_label="Gmail",
        family="google",
        grant_id=GrantId("g1"),
        revocation_at=NOW,
    )
    return replace(removal, **changes)


def removed_by_hand(family: str, label: str, **changes: Any) -> Removal:
    """Removed here, and only the owner can end it there."""
    kept_until = NOW + timedelta(hours=20)
    told = {"family": family, "provider_label": label, "by_hand": True, "kept_until": kept_until, **changes}
    return a_removal(Revocation.BY_HAND, **told)


def an_outcome(ending: OutcomeKind, **changes: Any) -> TicketOutcome:
    ticket = Ticket(
        id=TicketId("k1"),
        workspace_id=W,
        user_id=ANN,
        purpose=Purpose.CONNECT,
        inbox=InboxSpec("ann@example.com", provider="google"),
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        verifier=Secret("verifier"),
    )
    outcome = TicketOutcome(ticket=ticket, ending=ending, at=NOW)
    if ending is OutcomeKind.WRONG_MAILBOX:
        outcome = replace(outcome, signed_in="bob@example.com", signed_in_id="2002")
    if ending is OutcomeKind.PERMISSION_WITHHELD:
        outcome = replace(outcome, missing=SCOPES - {"openid", "email"})
    return replace(outcome, **changes)


def an_outage(channel: Channel | None = None, *, url: str = URL, **changes: Any) -> IncidentModel:
    channel = channel or a_team_channel()
    incident = an_incident(id=IncidentId(f"i-{channel.id}"), channel_id=channel.id, **changes)
    return IncidentModel(channel, incident, "Gmail", url if incident.is_open else "")


def a_picture(
    kind: NoticeKind,
    *outages: IncidentModel,
    channel: Channel | None = None,
    notice: dict[str, Any] | None = None,
    **changes: Any,
) -> NoticeModel:
    """What ``kind`` of message shows; ``notice`` and ``changes`` say what is special."""
    channel = channel or (outages[0].channel if outages else a_channel())
    seen = Notice(NoticeId("n1"), W, ANN, kind, channel.id)
    model = NoticeModel(
        notice=replace(seen, **(notice or {})),
        channel=channel,
        provider_label="Gmail",
        locale="en-US",
        now=NOW,
        command="/inbox",
        outages=outages,
        is_open=any(outage.incident.is_open for outage in outages) if outages else True,
    )
    return replace(model, **changes)


def a_storm(count: int, **changes: Any) -> tuple[IncidentModel, ...]:
    """Outages of as many team addresses, within two minutes."""
    return tuple(
        an_outage(
            a_team_channel(id=ChannelId(f"t{n}"), address=f"team-{n}@example.com"),
            **{"opened_at": NOW - timedelta(hours=1, seconds=-n), **changes},
        )
        for n in range(count)
    )


def a_wish(operation: Operation = Operation.DISABLE, **changes: Any) -> RequestedChange:
    is_new = operation is Operation.CONNECT
    changes = {"provider": "microsoft"} | changes if operation is Operation.SWITCH else changes
    requested_change = RequestedChange(
        operation=operation,
        inbox=InboxSpec(
            "support@example.com",
            Kind.TEAM,
            use="Zendesk reads it" if is_new else "",
            name="Support" if is_new else "",
            conversation_id=ConversationId("C0SUPPORT") if is_new else None,
        ),
        channel_id=None if is_new else ChannelId("t1"),
    )
    return with_changes(requested_change, **changes)


def a_start(provider_label: str = "Gmail", **changes: Any) -> AuthorizationStart:
    """A sign-in that is about to begin: to connect, unless ``purpose`` says otherwise."""
    begun = AuthorizationStart(
        inbox=InboxSpec("ann@example.com", provider="google"),
        provider_label=provider_label,
        scopes=SCOPES,
        url="https://x.example/go/1",
        purpose=Purpose.CONNECT,
        ticket_id=TicketId("k1"),
    )
    return with_changes(begun, **changes)


def a_request(requested_change: RequestedChange | None = None, **changes: Any) -> Request:
    request = Request(
        id=RequestId("q1"),
        workspace_id=W,
        requester=ANN,
        requested_change=requested_change or a_wish(),
        reason="We move to another tool",
        state=RequestState.WAITING,
        created_at=NOW - timedelta(hours=1),
        expires_at=NOW + APPROVAL_LASTS,
    )
    return replace(request, **changes)


def a_person(user_id: str = "U0ANN", **changes: Any) -> Person:
    return replace(Person(UserId(user_id), W, name="Ann", email="ann@example.com"), **changes)


def a_feature(key: str = "crm", *scopes: str, **changes: Any) -> Feature:
    needed = frozenset(scopes or {f"{GMAIL}gmail.readonly"})
    feature = Feature(
        key=key,
        name=Wording("CRM", "顧客管理"),
        reason=Wording("to log what customers write", "お客様からのメールを記録します"),
        scopes={"google": needed},
    )
    return replace(feature, **changes)


def many_features(count: int, text: str = "") -> tuple[Feature, ...]:
    """As many as nobody could define, each with permissions of its own."""
    return tuple(
        a_feature(
            f"f{n}",
            *(f"{GMAIL}made.up.{n}.{m}" for m in range(10)),
            name=Wording(text or f"Feature {n}", text or f"機能 {n}"),
            reason=Wording(text or "to try it", text or "試します"),
        )
        for n in range(count)
    )


def an_ask(features: tuple[Feature, ...] = (), **changes: Any) -> Ask:
    asked = frozenset().union(*(feature.scopes_at("google") for feature in features))
    needed = frozenset({f"{GMAIL}gmail.labels"})
    return replace(Ask("Gmail", needed | asked, features), **changes)


@dataclass(frozen=True, slots=True)
class AGroup:
    """A user group."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ARoster:
    """Who holds which role."""

    super_admins: tuple[Person, ...] = (a_person("U0ANN"),)
    account_access: tuple[Person, ...] = (a_person("U0BOB"),)
    groups: tuple[AGroup, ...] = ()
    chosen: frozenset[UserId] = field(default=frozenset({ANN}))
    is_fixed: bool = False
    may_change: bool = True
    other_groups: tuple[AGroup, ...] = ()
