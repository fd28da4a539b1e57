"""Every view there is, drawn once per case: what validity, ids and limits are checked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

from bot.domain import errors
from bot.domain.access import Operation, Role, RoleChange
from bot.domain.api_key import ApiKey, OwnerAnswer, OwnerAsked
from bot.domain.channel import Cause, Channel, InboxSpec, Kind, State
from bot.domain.grant import Revocation
from bot.domain.ids import ApiKeyId, ChannelId, ConversationId, RequestId, UserId, WebhookId, WorkspaceId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.notice import NoticeKind
from bot.domain.request import Awaits, Request, RequestedChange, RequestState
from bot.domain.ticket import SWITCHED_MEANWHILE, OutcomeKind, Purpose
from bot.domain.view_models import (
    MOST_COUNTED,
    Browse,
    FirstHour,
    IncidentModel,
    NoticeModel,
    Overview,
    ProgramUse,
    Registration,
    StateCounts,
)
from bot.domain.webhook import OffReason, Webhook
from bot.notifier import rendered
from bot.services.people.admins import Preview
from bot.views import messages, modals, replies
from bot.views.history import export_message
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from bot.views.status import status_message
from tests.views.availability_gallery import availability
from tests.views.history_gallery import doubts
from tests.views.hubspot_gallery import hubspot
from tests.views.keys_gallery import keys
from tests.views.permission_gallery import permissions
from tests.views.samples import (
    ANN,
    BOB,
    HOSTILE,
    MICROSOFT_SCOPES,
    NOW,
    SHARED_SCOPES,
    AGroup,
    ARoster,
    W,
    a_channel,
    a_feature,
    a_person,
    a_picture,
    a_removal,
    a_request,
    a_row,
    a_setup_card,
    a_start,
    a_status,
    a_storm,
    a_team_channel,
    a_wish,
    an_incident,
    an_outage,
    an_outcome,
    an_overview,
    in_state,
    many_rows,
    removed_by_hand,
)
from tests.views.switch_gallery import about_switching
from tests.views.webhooks_gallery import webhooks

APP = Registration(
    "6731de76-14a6-49ae-97bc-6eba6914391e",
    "https://login.microsoftonline.com/organizations/v2.0/adminconsent?client_id=6731de76&state=s",
)
Drawn = Iterator[tuple[str, dict[str, Any]]]
LABEL = {"provider_label": "Gmail"}
ALARMS = (
    NoticeKind.INCIDENT,
    NoticeKind.CONVERSATION,
    NoticeKind.STORM,
    NoticeKind.RELAPSE,
    NoticeKind.REMINDER,
)

_BOSS = a_wish(Operation.CONNECT, kind=Kind.PERSONAL, address="boss@example.com")
HANDED = f"gone:by:{ANN}:{NOW.isoformat()}"
TENANTS = a_request(a_wish(Operation.CONNECT, provider="microsoft"), awaits=Awaits.TENANT)
CLOSED = {RequestState.APPROVED, RequestState.DECLINED, RequestState.DONE}

REFUSALS: tuple[errors.InboxkeeperError, ...] = (
    errors.GroupsClosed(),
    errors.NotAllowed("remove", ("U0ANN", "U0BOB")),
    errors.NotAllowed("fly"),
    *(
        errors.NotAllowed(it, ("U0ANN",))
        for it in ("cancel", "go_on", "answer", "take_on", Operation.RECONNECT)
    ),
    *(
        errors.NotAllowed(what)
        for what in (*Operation, "admins", "approve", "cancel", "go_on", "answer", "take_on")
    ),
    errors.NotAllowed("keys", ("U0ANN",)),
    errors.NotAllowed("webhooks", ("U0ANN",)),
    errors.ProgramsOff(),
    errors.GuestNotAllowed(),
    errors.CannotHoldRole(),
    errors.WrongWorkspace(),
    errors.RightsUnread(),
    errors.LinkBusy(),
    errors.TooManyRequests((a_request(a_wish(Operation.CONNECT)), a_request(a_wish(Operation.DISABLE)))),
    errors.TooManyRequests(),
    errors.UnknownAddress("anne@example.com", ("ann@example.com", "anna@example.com")),
    errors.UnknownAddress("anne@example.com"),
    errors.UnknownAddress("anne@example.com", sees_all=True),
    *(
        errors.UnknownAddress("support@example.com", (), a_request(a_wish(Operation.CONNECT), **changes))
        for changes in ({}, {"state": RequestState.APPROVED})
    ),
    errors.UnknownAddress("support@example.com", (), TENANTS),
    errors.UnknownAddress("ann@example.com", to_answer=a_request(a_wish(Operation.CONNECT), requester=BOB)),
    errors.NotAnAddress("ann"),
    errors.TakesNoMail("ann@quiet.example"),
    errors.HostUnknown(a_wish(Operation.CONNECT), (("google", "Gmail"), ("imap", "IMAP"))),
    errors.DomainNotAllowed("ann@elsewhere.example", ("example.com", "example.org")),
    errors.AlreadyConnected("ann@example.com", by_another=True),
    errors.AlreadyConnected("ann@example.com", by_another=False),
    errors.InOrder(a_channel(), InboxSpec("ann@example.com", use="HubSpot"), may_edit=True, may_enable=True),
    errors.InOrder(
        in_state(State.DISABLED).channel, InboxSpec("ann@example.com"), may_edit=False, may_enable=False
    ),
    errors.SwitchInstead(a_channel(), "Gmail", ("microsoft", "Office 365")),
    errors.DisconnectFirst(a_channel(), "Gmail", (("imap", "IMAP"),)),
    errors.NeedsApproval(_BOSS, "ann@example.com", ("U0BOB",)),
    errors.NeedsApproval(_BOSS, None),
    errors.NeedsApproval(a_wish(Operation.CONNECT), "ann@example.com", ("U0BOB",)),
    errors.NeedsApproval(a_wish(Operation.REMOVE), None, ("U0BOB",)),
    errors.NobodyCanApprove(),
    *(errors.RequestClosed(a_request(state=state, answered_by=BOB)) for state in RequestState),
    errors.RequestClosed(a_request(state=RequestState.CANCELLED)),
    errors.LastSuperAdmin(),
    errors.RolesChanged(),
    errors.UndoOver(),
    errors.UndoOver("U0BOB"),
    errors.CannotPostThere("C0SUPPORT"),
    errors.CannotPostThere("C0SUPPORT", "is_archived"),
    errors.CannotPostThere("C0SUPPORT", "restricted_action"),
    errors.OtherKind("ann@example.com", is_team=True),
    errors.OtherKind("ann@example.com", is_team=False),
    errors.ConsentDeclined("ann@example.com"),
    errors.ConsentFailed("ann@example.com", "server_error"),
    errors.TicketUnknown(),
    errors.TicketExpired(),
    errors.TicketSpent(),
    errors.TooManyTries(),
    errors.TooManyLogins(timedelta(minutes=42)),
    errors.FormFault("host", "not_a_host_name"),
    errors.SignInElsewhere("ann@gmail.com", "google"),
    errors.OtherBrowser(),
    errors.ExportTaken(),
    errors.LinkClosed(),
    errors.ExportTaken(),
    errors.OwnerLeft(a_channel()),
    errors.ReconnectFirst(a_channel()),
    errors.ProviderOff("google"),
    errors.SignInClosed("Office 365", errors.ProviderUnavailable("timeout")),
    errors.SignInClosed("Office 365", errors.ProviderMisconfigured("invalid_client")),
    errors.OutOfDate(),
    errors.Gone("ann@example.com"),
    errors.Gone(""),
    errors.GrantRejected(),
    errors.MailboxGone(),
    errors.PermissionMissing(),
    errors.AdminActionNeeded(),
    errors.ProviderUnavailable(),
    errors.ProviderMisconfigured(),
)
"""At least one of every refusal and provider error."""


def everything(lang: Language) -> Drawn:
    for case, overview in overviews():
        yield f"home {case}", home(lang, overview)
        yield f"list {case}", overview_message(lang, overview, now=NOW)
    for channel in channels():
        yield from about(lang, channel)
    for channel in troubled():
        yield from looks(lang, channel, f"{channel.state} because of {channel.cause}")
    yield from outcomes(lang)
    yield from answers(lang)
    yield from storms(lang)
    yield from doubts(lang)
    yield from availability(lang)
    for case, roster in rosters():
        yield f"admins {case}", modals.admins_modal(lang, roster)
    for is_given in (True, False):
        crowd = tuple(a_person(f"U0{n:03}") for n in range(30 if is_given else 2))
        along = (ANN,) if is_given else ()
        preview = Preview(Role.SUPER_ADMIN, ANN, is_given, crowd, along, "agreed")
        yield f"super admins {is_given}", modals.super_admins_modal(lang, preview)
    yield from permissions(lang)
    yield from hubspot(lang)


def overviews() -> Iterator[tuple[str, Overview]]:
    own = (a_row(),)
    other = a_row(
        a_channel(id=ChannelId("o1"), owner_id=BOB),
        is_own=False,
        may=frozenset({Operation.DISABLE, Operation.SEE}),
    )
    yield "with nothing", an_overview()
    yield "with nothing, for a member", an_overview(may_connect=False)
    wishes = tuple(a_request(id=RequestId(f"r{n}"), requester=BOB) for n in range(7))
    removing = a_request(a_wish(Operation.REMOVE), requester=BOB)
    states = tuple(a_request(state=it) for it in (RequestState.WAITING, RequestState.APPROVED))
    yield "with answers owed", an_overview(own=own, to_answer=(removing, *wishes), asked=(*states, TENANTS))
    yield "found", an_overview(own=own, sought="ann")
    team = a_team_channel()
    for name, steps in (
        ("nothing done", FirstHour(False, False, False, False)),
        ("half done", FirstHour(True, False, True, False, team)),
        ("one step left", FirstHour(True, True, True, False, team)),
    ):
        rows = (a_row(team, is_own=False),) if steps.team else ()
        setup = None if rows else a_setup_card(google_on=True)
        yield (
            f"first hour, {name}",
            an_overview(team=rows, first_hour=steps, not_set_up=setup, only_here="http://127.0.0.1:8080"),
        )
    crowd = many_rows(25)
    for name, browse in (
        ("page 2", Browse(skip=25)),
        ("page 41", Browse(skip=1_000)),
        ("searched", Browse("team")),
        ("of a state, page 2", Browse(state=State.CONNECTED, skip=25)),
        ("searched in a state", Browse("<!channel> *ann*", State.DISABLED)),
    ):
        tally = StateCounts(dict.fromkeys((State.DISCONNECTED, State.CONNECTED, State.DISABLED), 600))
        yield name, replace(an_overview(team=crowd, browse=browse, has_more=True), tally=tally)
        yield f"{name}, nothing", replace(an_overview(browse=browse), tally=tally)
    uncounted = StateCounts({State.DISCONNECTED: 31, State.CONNECTED: MOST_COUNTED + 1})
    yield "of a million", replace(an_overview(team=crowd, has_more=True), tally=uncounted)
    yield (
        "of a million, of a state, page 2",
        replace(
            an_overview(team=crowd, browse=Browse(state=State.CONNECTED, skip=25), has_more=True),
            tally=uncounted,
        ),
    )
    yield "found nothing", an_overview(sought="<!channel> *ann*")
    yield "with everything", an_overview(own=own, team=many_rows(300), to_answer=wishes, asked=wishes)
    yield "before setup", an_overview(not_set_up=a_setup_card(), providers_off=("Gmail",))
    yield "before setup, for a member", an_overview(not_set_up=a_setup_card(is_for_admin=False))
    yield "with nobody in charge", an_overview(not_set_up=a_setup_card(is_for_admin=False, admins=()))
    yield "with one", an_overview(own=own)
    left = tuple(
        replace(in_state(state, cause, id=ChannelId(f"left-{state}")), is_own=False, owner_left=True)
        for state, cause in (
            (State.CONNECTED, Cause.NONE),
            (State.DISCONNECTED, Cause.GRANT_REFUSED),
            (State.DISABLED, Cause.NONE),
        )
    )
    yield "with those of people who left", an_overview(own=own, others=left)
    yield "with one that is disabled", an_overview(own=(in_state(State.DISABLED),))
    yield "with a few", an_overview(own=own, team=many_rows(5), others=(other,))
    yield (
        "with one that others' mail goes to",
        an_overview(team=(a_row(a_team_channel(via="bob@example.com")),)),
    )
    yield (
        "with one that lacks something, being checked",
        an_overview(team=(a_row(a_team_channel(state=State.IMPAIRED), lacking=(a_feature(),)),)),
    )
    yield "with fifteen", an_overview(own=own, team=many_rows(14))
    yield "with five hundred", an_overview(own=own, team=many_rows(300), others=many_rows(199))
    many = StateCounts({State.DISCONNECTED: 4, State.CONNECTED: 2_000}, own=1)
    yield "with more than five hundred that were not even read", an_overview(team=many_rows(100), tally=many)
    yield (
        "with five hundred disabled",
        an_overview(team=tuple(in_state(State.DISABLED, id=ChannelId(f"d{n}")) for n in range(500))),
    )


def channels() -> Iterator[Channel]:
    for state in State:
        yield a_channel(state=state)
    yield a_team_channel()
    yield a_channel(state=State.DISABLED, cause=Cause.GRANT_REFUSED, use="CRM reads it")
    yield from (a_team_channel(state=state, via="omar@example.com") for state in State)


def troubled() -> Iterator[Channel]:
    for cause in Cause:
        yield a_channel(state=State.IMPAIRED, cause=cause)
        yield a_channel(state=State.DISCONNECTED, cause=cause)


def looks(lang: Language, channel: Channel, case: str) -> Drawn:
    """Where a channel's trouble is explained."""
    row = a_row(channel)
    yield f"status {case}", status_message(lang, a_status(row, incident=an_incident()), now=NOW)
    bare = a_status(replace(row, last_ok_at=None), obtained_at=None, next_probe_at=None, recent=())
    yield f"status without proof {case}", status_message(lang, bare, now=NOW)
    yield f"enabled {case}", modals.enabled_modal(lang, channel, **LABEL)
    yield f"enabled message {case}", replies.enabled_message(lang, channel, **LABEL)
    for kind in (IncidentKind.DEAD, IncidentKind.UNVERIFIABLE):
        outage = an_outage(channel, kind=kind, cause=channel.cause)
        for name, model in outage_pictures(outage):
            yield f"{name} {kind} {case}", picture_of(lang, model)


def outage_pictures(outage: IncidentModel) -> Iterator[tuple[str, NoticeModel]]:
    """One outage as different people see it."""
    yield "incident", a_picture(NoticeKind.INCIDENT, outage)
    yield "incident for their admin", a_picture(NoticeKind.INCIDENT, replace(outage, app=APP))
    yield "incident without a link", a_picture(NoticeKind.INCIDENT, replace(outage, url=""))
    claimed = replace(outage, incident=replace(outage.incident, claimed_by=BOB, claimed_at=NOW))
    snoozed = {"snoozed_until": NOW + timedelta(hours=4)}
    yield "incident claimed", a_picture(NoticeKind.INCIDENT, claimed, notice=snoozed)
    yield "incident claimed by the reader", a_picture(NoticeKind.INCIDENT, claimed, notice={"recipient": BOB})
    takers = (a_person(), a_person("U0CARLA", name=outage.channel.name))
    mine = a_picture(NoticeKind.INCIDENT, claimed, notice={"recipient": BOB}, takers=takers)
    yield "incident that the reader can hand over", mine
    yield "incident handed over", a_picture(NoticeKind.HANDED_OVER, claimed, notice={"subject": HANDED})
    for kind in (NoticeKind.CONVERSATION, NoticeKind.STORM, NoticeKind.RELAPSE, NoticeKind.REMINDER):
        yield str(kind), a_picture(kind, outage, notice={"subject": f"{outage.incident.id}:1"})
        yield f"{kind} claimed", a_picture(kind, claimed, notice={"subject": "gone:1"})


def picture_of(lang: Language, model: NoticeModel) -> dict[str, Any]:
    """The message, as the notifier posts it to a reader of this language."""
    return rendered(replace(model, locale=lang.code))


def about(lang: Language, channel: Channel) -> Drawn:
    """Every view of one channel."""
    case = f"{channel.kind} {channel.state} {channel.cause}"
    yield from looks(lang, channel, case)
    for by_hand in (False, True):
        modal = modals.disconnect_modal(lang, channel, provider_label="Gmail", by_hand=by_hand)
        yield f"disconnect {case} {by_hand}", modal
    modal = modals.disconnect_modal(lang, channel, **LABEL, by_hand=True, delegate="omar@acme.example")
    yield f"disconnect {case} shared", modal
    yield f"disable {case}", modals.disable_modal(lang, channel, **LABEL)
    for here, elsewhere in ((0, 0), (1, 0), (0, 2), (2, 3)):
        yield (
            f"remove {case} {here} {elsewhere}",
            modals.remove_modal(
                lang, a_removal(channel=channel, shared_here=here, shared_elsewhere=elsewhere)
            ),
        )
    yield f"disabled {case}", modals.disabled_modal(lang, channel)
    for revocation in Revocation:
        removal = a_removal(revocation, channel=channel, shared_here=1)
        yield f"removed {revocation} {case}", modals.removed_modal(lang, removal)
        model = a_picture(NoticeKind.REMOVED, channel=channel, removal=removal)
        yield f"removed notice {revocation} {case}", picture_of(lang, model)
    for family, label in (
        ("microsoft", "Office 365"),
        ("outlook", "Outlook.com"),
        ("imap", "mail.example.net"),
    ):
        removal = removed_by_hand(family, label, channel=channel)
        yield f"remove {family} {case}", modals.remove_modal(lang, removal)
        yield f"removed {family} {case}", modals.removed_modal(lang, removal)
    yield from told(lang, channel, case)
    yield from about_switching(lang, channel)


def told(lang: Language, channel: Channel, case: str) -> Drawn:
    """Its direct messages."""
    for resolution in Resolution:
        for who in (ANN, None):
            over = an_outage(channel, resolution=resolution, resolved_by=who, resolved_at=NOW)
            for kind in ALARMS:
                yield f"{kind} {resolution} {who} {case}", picture_of(lang, a_picture(kind, over))
            storm = a_picture(NoticeKind.INCIDENT, over, over, an_outage(channel))
            yield f"storm {resolution} {who} {case}", picture_of(lang, storm)
    for name, model in announcements(channel):
        yield f"{name} {case}", picture_of(lang, model)


def role_changes() -> Iterator[tuple[RoleChange, UserId]]:
    """Each change as whoever did it and whomever it is about read it; undone ones, too."""
    none, access, boss = Role.MEMBER, Role.ACCOUNT_ACCESS, Role.SUPER_ADMIN
    for role, before, after in (
        (boss, none, boss),
        (boss, access, boss),
        (boss, boss, none),
        (boss, boss, access),
        (access, none, access),
        (access, access, none),
    ):
        for subject in ("U0BOB", "S0DESK"):
            change = RoleChange(
                id=f"{role}-{before}-{after}-{subject}",
                workspace_id=W,
                actor=ANN,
                at=NOW,
                role=role,
                subject=subject,
                is_given=after is role,
                people={UserId("U0BOB"): (before, after)},
                along=(ANN,) if after is boss else (),
            )
            for one in (change, replace(change, undone_by=ANN), replace(change, undoes="c0")):
                yield one, UserId("U0BOB")
                yield one, ANN


def announcements(channel: Channel) -> Iterator[tuple[str, NoticeModel]]:
    for ending in (
        OutcomeKind.CONNECTED,
        OutcomeKind.RECONNECTED,
        OutcomeKind.RESTORED,
        OutcomeKind.SWITCHED,
        OutcomeKind.SWITCHED_STILL_DISABLED,
        OutcomeKind.STILL_DISABLED,
    ):
        yield (
            f"connected {ending}",
            a_picture(NoticeKind.CONNECTED, channel=channel, notice={"subject": ending}),
        )
    untold = a_picture(
        NoticeKind.CONNECTED, channel=channel, notice={"subject": "reconnected"}, is_told=False
    )
    yield "connected by somebody who is not told of outages", untold
    for kind in (NoticeKind.DISABLED, NoticeKind.TAKEN_OVER):
        for subject in ("by:U0BOB:2026-11-23", ""):
            yield f"{kind} {subject}", a_picture(kind, channel=channel, notice={"subject": subject})
    for is_open in (True, False):
        gone = a_picture(
            NoticeKind.DELEGATE_GONE,
            channel=replace(channel, kind=Kind.TEAM, owner_id=None),
            provider_label="Office 365",
            delegate="omar@example.com",
            is_open=is_open,
        )
        yield f"delegate gone {is_open}", gone
    yield "delegate back", replace(gone, is_back=True)
    if channel.is_personal:
        yield "owner back", a_picture(NoticeKind.OWNER_GONE, channel=channel, is_open=False, is_back=True)
    for kind in (NoticeKind.OWNER_GONE, NoticeKind.NOBODY_TOLD):
        for is_open in (True, False):
            yield f"{kind} {is_open}", a_picture(kind, channel=channel, is_open=is_open)
    yield "nobody told heard", a_picture(NoticeKind.NOBODY_TOLD, channel=channel, is_heard=True)


def storms(lang: Language) -> Drawn:
    """Many outages in one message."""
    over = {"resolved_at": NOW, "resolution": Resolution.RECOVERED}
    for of, who in ((NoticeKind.HANDED_OVER, ANN), (NoticeKind.CLAIM_TAKEN, BOB)):
        theirs = a_storm(3, claimed_by=who, claimed_at=NOW)
        seen = {"subject": f"{theirs[0].incident.id}:by:{BOB}:{NOW.isoformat()}"}
        yield f"{of} of several", picture_of(lang, a_picture(of, *theirs, notice=seen))
    for kind in ALARMS:
        for count in (2, 5, 40, 300):
            half = (*a_storm(count), *a_storm(count, **over))
            claimed = a_storm(count, claimed_by=BOB, claimed_at=NOW)
            for name, outages in (("", a_storm(count)), ("half over", half), ("claimed", claimed)):
                yield f"{kind} of {count} {name}", picture_of(lang, a_picture(kind, *outages))
            yield f"{kind} of {count} over", picture_of(lang, a_picture(kind, *a_storm(count, **over)))
            worse = a_storm(count, **over | {"resolution": Resolution.WORSE})
            for name, outages in (("worse", worse), ("some worse", (*worse, *a_storm(2, **over)))):
                yield f"{kind} of {count} {name}", picture_of(lang, a_picture(kind, *outages))
        ends = (Resolution.WORSE, Resolution.DOUBTED, Resolution.OURS, Resolution.RECOVERED)
        mixed = tuple(it for end in ends for it in a_storm(3, **over | {"resolution": end}))
        yield f"{kind} of all endings", picture_of(lang, a_picture(kind, *mixed))
        unsure = a_storm(3, kind=IncidentKind.UNVERIFIABLE, cause=Cause.ACCOUNT_DISABLED)
        yield f"{kind} of what cannot be checked", picture_of(lang, a_picture(kind, *unsure))
        yield f"{kind} of nothing", picture_of(lang, a_picture(kind, is_open=False))


def programs(lang: Language, *, is_open: bool) -> Drawn:
    """Keys that end, receivers that take nothing."""
    webhook = Webhook(
        WebhookId("wh_0123456789ab"),
        WorkspaceId("T1"),
        "Help desk <b>",
        "desk.example.com",
        is_for_team=True,
        channels=frozenset(),
        created_by="U0ALICE",
        created_at=NOW,
        off_at=NOW if is_open else None,
        last_answer="500",
    )
    key = ApiKey(
        ApiKeyId("abcd1234"),
        WorkspaceId("T1"),
        "Help desk <b>",
        "",
        is_for_team=True,
        channels=frozenset(),
        features=frozenset({"crm"}),
        networks=(),
        created_by="U0ALICE",
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    for reason in OffReason:
        about: dict[str, Any] = {"notice": {"subject": f"{webhook.id}:{NOW.isoformat()}"}, "is_open": is_open}
        off = a_picture(NoticeKind.WEBHOOK_OFF, webhook=replace(webhook, off_reason=reason), **about)
        yield f"webhook off {reason.value} {is_open}", picture_of(lang, off)
    for word in ("timeout", "no_connection", "certificate", "not_http", "host_refused") if is_open else ():
        failing = replace(webhook, off_reason=OffReason.FAILING, last_answer=word)
        yield (
            f"webhook off {word}",
            picture_of(lang, a_picture(NoticeKind.WEBHOOK_OFF, webhook=failing, **about)),
        )
    if not is_open:
        gone = a_picture(NoticeKind.WEBHOOK_OFF, **about)
        yield "webhook off revoked", picture_of(lang, gone)
    about["webhook"] = webhook if is_open else None
    yield f"webhook orphaned {is_open}", picture_of(lang, a_picture(NoticeKind.WEBHOOK_ORPHANED, **about))
    if not is_open:
        back = a_picture(NoticeKind.WEBHOOK_ORPHANED, **{**about, "webhook": webhook}, is_back=True)
        yield "webhook orphaned back", picture_of(lang, back)
    ends = a_picture(NoticeKind.KEY_ENDS, api_key=key, notice={"subject": f"{key.id}:7"}, is_open=is_open)
    yield f"key ends {is_open}", picture_of(lang, ends)
    subject = f"{key.id}:{NOW.isoformat()}"
    alone = a_picture(NoticeKind.KEY_ORPHANED, api_key=key, notice={"subject": subject}, is_open=is_open)
    yield f"key orphaned {is_open}", picture_of(lang, alone)
    if not is_open:
        yield "key orphaned back", picture_of(lang, replace(alone, is_back=True))
    channel = a_channel()
    for answer in OwnerAnswer:
        asking = replace(key, asked={channel.id: OwnerAsked(ANN, answer)})
        asks = a_picture(
            NoticeKind.KEY_ASKS,
            channel=channel,
            api_key=asking,
            notice={"subject": f"{key.id}:by:{ANN}:{NOW.isoformat()}"},
            is_open=is_open,
        )
        yield f"key asks {answer.value} {is_open}", picture_of(lang, asks)
    disowned = replace(asks, notice=replace(asks.notice, kind=NoticeKind.KEY_DISOWNED))
    yield f"key disowned {is_open}", picture_of(lang, disowned)


def requests(lang: Language, text: str = "We move to another tool") -> Drawn:
    """Wishes that wait, and what became of them; ``text`` is what people typed."""
    for request in asked_for(text):
        requested_change = request.requested_change
        case = (
            f"{requested_change.operation} {requested_change.kind} {request.state} by {request.answered_by}"
        )
        for kind in (NoticeKind.REQUEST, NoticeKind.WISH, NoticeKind.NOBODY_TOLD):
            for is_unheard in (True, False):
                model = a_picture(kind, request=request, is_unheard=is_unheard, is_open=request.is_open)
                yield f"{kind} {case} {is_unheard}", picture_of(lang, model)
        for who in ((), (BOB,), tuple(f"U{n}" for n in range(300))):
            yield f"ask {case} {len(who)}", modals.ask_modal(lang, requested_change, who_can=who)
            for is_new in (True, False):
                shown = modals.asked_modal(lang, request, who, is_new)
                yield f"asked {case} {len(who)} {is_new}", shown
        status = a_status(a_row(a_team_channel(), is_own=False), requests=(request,) * 9)
        for viewer in (ANN, BOB):
            yield f"status {case} for {viewer}", status_message(lang, status, now=NOW, viewer=viewer)
    for state in RequestState:
        theirs = a_request(
            a_wish(Operation.CONNECT, address=text, provider="microsoft"), state=state, awaits=Awaits.TENANT
        )
        for kind in (NoticeKind.WISH, NoticeKind.ANSWERED):
            model = a_picture(
                kind,
                request=theirs,
                provider_label="Office 365",
                app=APP,
                scopes=MICROSOFT_SCOPES,
                features=(a_feature(scopes={"microsoft": frozenset({"User.Read"})}),) if text else (),
                is_open=theirs.is_open,
            )
            yield f"{kind} that waits for the organisation {state}", picture_of(lang, model)
        answered = a_picture(NoticeKind.ANSWERED, request=a_request(state=state, answered_by=BOB))
        yield f"answered {state}", picture_of(lang, answered)
        uses = tuple(ProgramUse(text, "imap", was_given, NOW) for was_given in (True, False))
        team = a_row(a_team_channel(), is_own=False)
        status = a_status(team, requests=(theirs,), delegate=text, programs=uses)
        yield f"status that waits for the organisation {state}", status_message(lang, status, now=NOW)
    for kind in (NoticeKind.REQUEST, NoticeKind.WISH, NoticeKind.ANSWERED):
        yield f"{kind} of nothing", picture_of(lang, a_picture(kind))


def asked_for(text: str) -> Iterator[Request]:
    for operation in Operation:
        for kind in Kind:
            requested_change = a_wish(operation, kind=kind, address=text, use=text, name=text)
            yield a_request(requested_change, reason=text)
    for provider in ("google", "microsoft", "imap"):
        yield a_request(a_wish(Operation.CONNECT, address=text, provider=provider))
    for decliner in (ANN, BOB):
        yield a_request(
            a_wish(Operation.CONNECT, address=text),
            state=RequestState.DECLINED,
            answered_by=decliner,
            answered_at=NOW,
            answer_reason=text,
        )
    for operation in (Operation.CONNECT, Operation.SWITCH):
        yield a_request(a_wish(operation, address=text, provider="microsoft", is_shared=True))
    for state in RequestState:
        for who in (ANN, BOB, None):
            if who is not None or state not in CLOSED:
                yield a_request(
                    a_wish(Operation.CONNECT, address=text), reason="", state=state, answered_by=who
                )


def rosters() -> Iterator[tuple[str, ARoster]]:
    crowd = tuple(a_person(f"U{n}") for n in range(300))
    groups = tuple(AGroup(f"S{n}", text) for n, text in enumerate(HOSTILE * 20))
    yield "to change", ARoster()
    yield "to see", ARoster(may_change=False)
    yield "fixed", ARoster(is_fixed=True, chosen=frozenset())
    yield "of owners", ARoster(chosen=frozenset(), account_access=())
    yield "with groups", ARoster(groups=groups[:3], other_groups=groups[3:6])
    yield "of nobody", ARoster(super_admins=(), account_access=(), chosen=frozenset())
    yield (
        "of a crowd",
        ARoster(crowd, crowd, groups, frozenset(one.id for one in crowd), other_groups=groups),
    )


def dialogs(lang: Language, text: str) -> Drawn:
    """Dialogs about teams, with what people may have typed."""
    for kind in Kind:
        for conversation_id in ("", "C0SUPPORT"):
            yield (
                f"connect {kind} {conversation_id}",
                modals.connect_modal(
                    lang,
                    InboxSpec(text, kind, text, text, ConversationId(conversation_id)),
                    own_address=text,
                ),
            )
    channel = a_channel(address=text, use=text)
    yield "edit", modals.edit_modal(lang, channel)
    yield "edit a team address", modals.edit_modal(lang, a_team_channel(name=text, use=text))
    for it in (a_team_channel(address=text), in_state(State.DISABLED).channel):
        for at_once in (True, False):
            here = errors.InOrder(it, InboxSpec(text, it.kind, text, text), it.is_personal, at_once)
            yield f"in order {it.kind} {at_once}", modals.in_order_modal(lang, here)
    yield "take over", modals.take_over_modal(lang, channel)
    yield "take over nobody's", modals.take_over_modal(lang, replace(channel, owner_id=None))
    yield "hello", messages.hello_notice(lang, address=text, actor=ANN)


def outcomes(lang: Language) -> Drawn:
    yield "link expired", modals.expired_modal(lang, an_outcome(OutcomeKind.PENDING).ticket)
    for ending in OutcomeKind:
        yield f"outcome {ending}", modals.outcome_modal(lang, an_outcome(ending), provider_label="Gmail")
        for label in ("Gmail", "Office 365", "Outlook.com", "mail.example.com"):
            stands = an_outcome(ending, stands=True)
            yield f"outcome {ending} {label}", modals.outcome_modal(lang, stands, provider_label=label)
    meanwhile = an_outcome(OutcomeKind.NOT_POSSIBLE, code=SWITCHED_MEANWHILE)
    yield "outcome switched meanwhile", modals.outcome_modal(lang, meanwhile, provider_label="Gmail")
    yield (
        "outcome declined at Microsoft",
        modals.outcome_modal(
            lang, an_outcome(OutcomeKind.DECLINED), provider_label="Office 365", may_ask_admin=True
        ),
    )
    two = (a_request(a_wish(Operation.CONNECT)), a_request(a_wish(Operation.REMOVE)))
    for waiting in (two, two[:1], ()):
        too_many = modals.too_many_modal(lang, errors.TooManyRequests(waiting))
        yield f"too many requests {len(waiting)}", too_many
    declined = a_request(state=RequestState.DECLINED, answered_by=BOB, answered_at=NOW)
    yield "decline", modals.decline_modal(lang, a_request(requester=BOB))
    yield "declined", modals.answered_modal(lang, declined, may_undo=True)
    for state in RequestState:
        yield f"answered {state}", modals.answered_modal(lang, a_request(state=state))
    yield "forwarded", modals.forwarded_modal(lang, provider_label="Office 365")
    for cause in Cause:
        yield (
            f"not proven {cause}",
            modals.outcome_modal(
                lang, an_outcome(OutcomeKind.NOT_PROVEN, code=cause), provider_label="Gmail"
            ),
        )


def answers(lang: Language, address: str = "ann@example.com") -> Drawn:
    yield "connect", modals.connect_modal(lang)
    yield "connect with", modals.connect_modal(lang, InboxSpec(address), own_address=address)
    others = (("google", "Gmail"), ("microsoft", "Office 365"), ("imap", "IMAP"))
    inbox = InboxSpec(address, Kind.TEAM, use="u" * 300, name="n" * 100)
    requested_change = RequestedChange(Operation.CONNECT, inbox)
    for reconnect, takes_password in product((True, False), (True, False)):
        yield (
            f"consent {reconnect} {takes_password}",
            modals.consent_modal(
                lang,
                a_start(
                    "IMAP" if takes_password else "Gmail",
                    inbox=inbox,
                    purpose=Purpose.RECONNECT if reconnect else Purpose.CONNECT,
                    takes_password=takes_password,
                    others=others,
                ),
            ),
        )
    for count in (1, 2, 3):
        unknown = errors.HostUnknown(requested_change, others[:count])
        yield f"which host {count}", modals.which_host_modal(lang, unknown)
    for is_shared in (True, False):
        yield (
            f"consent at Microsoft {is_shared}",
            modals.consent_modal(
                lang,
                a_start(
                    "Office 365",
                    inbox=replace(inbox, is_shared=is_shared),
                    scopes=SHARED_SCOPES if is_shared else MICROSOFT_SCOPES,
                    may_be_shared=True,
                    others=others,
                ),
            ),
        )
    for refusal in REFUSALS:
        yield f"refusal {refusal!r}", replies.refusal_message(lang, refusal, "/inbox")
        yield f"refusal modal {refusal!r}", modals.refusal_modal(lang, refusal)
    yield "apology", replies.apology_message(lang, "7F3A-22")
    yield "apology modal", modals.apology_modal(lang, "7F3A-22")
    yield "busy", replies.busy_message(lang)
    yield "busy modal", modals.busy_modal(lang)
    yield "directory away", replies.directory_away_message(lang)
    yield "slack away", replies.slack_away_message(lang)
    yield "too late", replies.too_late_message(lang)
    yield "working", replies.working_message(lang)
    yield "working modal", modals.working_modal(lang)
    yield "help", replies.help_message(lang, "/inbox")
    yield "help for an admin", replies.help_message(lang, "/inbox", is_admin=True)
    yield "help for one with keys", replies.help_message(lang, "/inbox", is_admin=True, has_keys=True)
    yield "unknown verb", replies.unknown_verb_message(lang, "staus", "status", "/inbox")
    yield "unknown verb without a guess", replies.unknown_verb_message(lang, address, None, "/inbox")
    yield "which of none", replies.which_address_message(lang, "disable", (), "/inbox")
    yield (
        "which of many",
        replies.which_address_message(lang, "disable", (a_channel(address=address),) * 500, "/inbox"),
    )
    for is_open in (True, False):
        for change, reader in role_changes():
            told = a_picture(
                NoticeKind.ROLE_CHANGED,
                notice={"subject": change.id, "recipient": reader},
                role_change=change,
                may_undo=is_open,
            )
            yield f"role changed {change.id} {reader} {is_open}", picture_of(lang, told)
        silence = a_picture(NoticeKind.SILENCE, notice={"subject": NOW.isoformat()}, is_open=is_open)
        yield f"silence {is_open}", picture_of(lang, silence)
        spoilt = a_picture(NoticeKind.STORAGE, notice={"subject": f"{NOW.isoformat()}/{NOW.isoformat()}"})
        yield f"storage {is_open}", picture_of(lang, spoilt)
        for why in ("closed", "away"):
            subject = f"{why} {NOW.isoformat()}"
            unread = a_picture(NoticeKind.GROUPS, notice={"subject": subject}, is_open=is_open)
            yield f"groups {why} {is_open}", picture_of(lang, unread)
        for what in ("secret", "certificate"):
            subject = f"{what}:7:{NOW.isoformat()}"
            yield (
                f"credential {what} {is_open}",
                picture_of(lang, a_picture(NoticeKind.CREDENTIAL, notice={"subject": subject})),
            )
        yield from programs(lang, is_open=is_open)
        ours = ("slack:link_disabled:2026-11-23T09:00:00+00:00", "slack:invalid_auth:2026-11-23")
        for subject in ("google:invalid_client:2026-11-23", "google", *ours):
            model = a_picture(NoticeKind.OPERATOR, notice={"subject": subject}, is_open=is_open)
            yield f"operator {subject} {is_open}", picture_of(lang, model)
    yield "export", export_message(lang, url="https://x.example/export/1", until=NOW)
    yield from requests(lang, address)
    yield from dialogs(lang, address)
    yield from keys(lang, address)
    yield from webhooks(lang, address)
    yield from permissions(lang, address)
