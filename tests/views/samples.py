"""Values for views, each valid as it stands; a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.access import Deed
from bot.domain.cause import Cause
from bot.domain.channel import Channel, Kind, State
from bot.domain.grant import MailboxIdentity, Revocation, Secret
from bot.domain.ids import ChannelId, GrantId, IncidentId, TicketId, UserId, WorkspaceId
from bot.domain.incident import Incident, IncidentKind
from bot.domain.lifecycle import Signal
from bot.domain.record import Record
from bot.domain.ticket import Ending, Purpose, Ticket, TicketOutcome
from bot.views.language import language_for
from bot.views.models import ChannelRow, ChannelStatus, Overview, Removal, SetupCard

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
EN, JA = language_for("en-US"), language_for("ja-JP")
LANGUAGES = (EN, JA)
ALL = frozenset(Deed)
W, ANN, BOB = WorkspaceId("T1"), UserId("U0ANN"), UserId("U0BOB")
SCOPES = frozenset({"openid", "email", "https://www.googleapis.com/auth/gmail.labels"})

HOSTILE = (
    "<!channel> *bold* _under_ ~gone~ `code` <https://evil.example|bank> &amp; <@U0ANN> @here @channel",
    "> quote\n>>> more\n\n```\nblock\n```",
    "x" * 3000,
    "&" * 3000,
    "<>&*_~`" * 500,
    "\u202egnp.exe\u202c שלום עולם مرحبا",
    "😀👩‍👩‍👧‍👦🏳️‍🌈" * 300,
    ":fire: :+1: :flag-jp:",
    "{house} {0} {} %s %(x)s",
    "\x00\x07\ud800\u200b\ufeff",
    "<script>alert(1)</script>\"'",
    "",
)
"""What people may type into a name, an address or a use."""


def a_channel(**changes: Any) -> Channel:
    channel = Channel(
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
    return replace(channel, **changes)


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
    return replace(row, **changes)


def in_state(state: State, cause: Cause = Cause.NONE, **changes: Any) -> ChannelRow:
    return a_row(a_channel(state=state, cause=cause, **changes))


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
    return replace(Overview(own=(), team=(), others=(), may_connect=True, command="/inbox"), **changes)


def a_setup_card(**changes: Any) -> SetupCard:
    card = SetupCard(
        is_for_admin=True,
        admins=(ANN,),
        base_url="http://localhost:8080",
        loopback_only=True,
        google_on=False,
    )
    return replace(card, **changes)


def an_incident(**changes: Any) -> Incident:
    incident = Incident(
        id=IncidentId("i1"),
        workspace_id=W,
        channel_id=ChannelId("c1"),
        kind=IncidentKind.DEAD,
        cause=Cause.GRANT_REFUSED,
        opened_at=NOW - timedelta(hours=2, minutes=14),
        code="invalid_grant",
    )
    return replace(incident, **changes)


def a_status(row: ChannelRow | None = None, **changes: Any) -> ChannelStatus:
    status = ChannelStatus(
        row=row or a_row(),
        scopes=SCOPES,
        connected_by=ANN,
        obtained_at=NOW - timedelta(days=9),
        incident=None,
        next_probe_at=NOW + timedelta(minutes=11),
        recent=tuple(
            Record(W, ChannelId("c1"), NOW - timedelta(hours=n), s, ANN) for n, s in enumerate(Signal)
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
        grant_id=GrantId("g1"),
        revocation_at=NOW,
    )
    return replace(removal, **changes)


def an_outcome(ending: Ending, **changes: Any) -> TicketOutcome:
    ticket = Ticket(
        id=TicketId("k1"),
        workspace_id=W,
        user_id=ANN,
        purpose=Purpose.CONNECT,
        address="ann@example.com",
        kind=Kind.PERSONAL,
        provider="google",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        verifier=Secret("verifier"),
    )
    outcome = TicketOutcome(ticket=ticket, ending=ending, at=NOW)
    if ending is Ending.WRONG_MAILBOX:
        outcome = replace(outcome, signed_in="bob@example.com")
    if ending is Ending.PERMISSION_WITHHELD:
        outcome = replace(outcome, missing=SCOPES - {"openid", "email"})
    return replace(outcome, **changes)
