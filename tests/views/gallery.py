"""Every view there is, drawn once per case: what validity, ids and limits are checked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.domain import errors
from bot.domain.access import Deed
from bot.domain.cause import Cause
from bot.domain.channel import Channel, State
from bot.domain.grant import Revocation
from bot.domain.ids import ChannelId
from bot.domain.incident import IncidentKind, Resolution
from bot.domain.ticket import Ending
from bot.views import modals, notices, replies
from bot.views.home import home
from bot.views.language import Language
from bot.views.models import Overview
from bot.views.overview import overview_message
from bot.views.status import status_message
from bot.views.words import Words
from tests.views.samples import (
    ANN,
    BOB,
    NOW,
    SCOPES,
    a_channel,
    a_removal,
    a_row,
    a_setup_card,
    a_status,
    a_team_channel,
    an_incident,
    an_outcome,
    an_overview,
    in_state,
    many_rows,
)

Drawn = Iterator[tuple[str, dict[str, Any]]]
LABEL = {"provider_label": "Gmail"}

REFUSALS: tuple[errors.InboxkeeperError, ...] = (
    errors.NotAllowed("remove", ("U0ANN", "U0BOB")),
    errors.NotAllowed("fly"),
    errors.GuestNotAllowed(),
    errors.WrongWorkspace(),
    errors.NotSetUp(),
    errors.UnknownAddress("anne@example.com", ("ann@example.com", "anna@example.com")),
    errors.UnknownAddress("anne@example.com"),
    errors.NotAnAddress("ann"),
    errors.DomainNotAllowed("ann@elsewhere.example", ("example.com", "example.org")),
    errors.AlreadyConnected("ann@example.com", by_another=True),
    errors.AlreadyConnected("ann@example.com", by_another=False),
    errors.NeedsApproval("boss@example.com", "ann@example.com", ("U0BOB",)),
    errors.NeedsApproval("boss@example.com", None),
    errors.WrongMailbox("ann@example.com", "bob@example.com", given_back=True),
    errors.PermissionWithheld("ann@example.com", SCOPES, given_back=True),
    errors.ConsentDeclined("ann@example.com"),
    errors.ConsentFailed("ann@example.com", "server_error"),
    errors.ProofFailed("ann@example.com", Cause.MAILBOX_MISSING),
    errors.TicketUnknown(),
    errors.TicketExpired(),
    errors.TicketSpent(),
    errors.OtherBrowser(),
    errors.LinkClosed(),
    errors.ReconnectFirst("ann@example.com"),
    errors.ProviderOff("google"),
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
        yield f"home {case}", home(lang, overview, now=NOW)
        yield f"list {case}", overview_message(lang, overview, now=NOW)
    for channel in channels():
        yield from about(lang, channel)
    for channel in troubled():
        yield from looks(lang, channel, f"{channel.state} because of {channel.cause}")
    yield from outcomes(lang)
    yield from answers(lang)


def overviews() -> Iterator[tuple[str, Overview]]:
    own = (a_row(),)
    other = a_row(
        a_channel(id=ChannelId("o1"), owner_id=BOB), is_own=False, may=frozenset({Deed.DISABLE, Deed.SEE})
    )
    yield "with nothing", an_overview()
    yield "with nothing, for a member", an_overview(may_connect=False)
    yield "before setup", an_overview(not_set_up=a_setup_card(), providers_off=("Gmail",))
    yield "before setup, for a member", an_overview(not_set_up=a_setup_card(is_for_admin=False))
    yield "with nobody in charge", an_overview(not_set_up=a_setup_card(is_for_admin=False, admins=()))
    yield "with one", an_overview(own=own)
    yield "with one that is disabled", an_overview(own=(in_state(State.DISABLED),))
    yield "with a few", an_overview(own=own, team=many_rows(5), others=(other,))
    yield "with fifteen", an_overview(own=own, team=many_rows(14))
    yield "with five hundred", an_overview(own=own, team=many_rows(300), others=many_rows(199))
    yield (
        "with five hundred disabled",
        an_overview(team=tuple(in_state(State.DISABLED, id=ChannelId(f"d{n}")) for n in range(500))),
    )


def channels() -> Iterator[Channel]:
    for state in State:
        yield a_channel(state=state)
    yield a_team_channel()
    yield a_channel(state=State.DISABLED, cause=Cause.GRANT_REFUSED, use="CRM reads it")


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
    for kind in IncidentKind:
        incident = an_incident(kind=kind, cause=channel.cause)
        view = notices.incident_notice(
            lang, channel, incident, url="https://x.example/l/1", now=NOW, is_open=True, **LABEL
        )
        yield f"incident {kind} {case}", view


def about(lang: Language, channel: Channel) -> Drawn:
    """Every view of one channel."""
    case = f"{channel.kind} {channel.state} {channel.cause}"
    yield from looks(lang, channel, case)
    yield f"disconnect {case}", modals.disconnect_modal(lang, channel, **LABEL)
    yield f"disable {case}", modals.disable_modal(lang, channel, **LABEL)
    for here, elsewhere in ((0, 0), (1, 0), (0, 2), (2, 3)):
        yield (
            f"remove {case} {here} {elsewhere}",
            modals.remove_modal(lang, channel, shared_here=here, shared_elsewhere=elsewhere, **LABEL),
        )
    yield f"disabled {case}", modals.disabled_modal(lang, channel)
    for revocation in Revocation:
        removal = a_removal(revocation, channel=channel, shared_here=1)
        yield f"removed {revocation} {case}", modals.removed_modal(lang, removal)
        yield f"removed notice {revocation} {case}", notices.removed_notice(lang, removal, now=NOW)
    yield from told(lang, channel, case)


def told(lang: Language, channel: Channel, case: str) -> Drawn:
    """Its direct messages."""
    for resolution in Resolution:
        for who in (ANN, None):
            ended = an_incident(resolution=resolution, resolved_by=who, resolved_at=NOW)
            shown = notices.incident_notice(lang, channel, ended, url="", now=NOW, is_open=False, **LABEL)
            yield f"resolved {resolution} {who} {case}", shown
    for ending in (Ending.CONNECTED, Ending.RECONNECTED, Ending.RESTORED, Ending.STILL_DISABLED):
        yield f"connected {ending} {case}", notices.connected_notice(lang, channel, ending, **LABEL)
    for actor in (BOB, None):
        yield f"disabled by {actor} {case}", notices.disabled_notice(lang, channel, actor=actor, now=NOW)
    for is_open in (True, False):
        shown = notices.owner_gone_notice(lang, channel, is_open=is_open, **LABEL)
        yield f"owner gone {is_open} {case}", shown


def outcomes(lang: Language) -> Drawn:
    for ending in Ending:
        yield f"outcome {ending}", modals.outcome_modal(lang, an_outcome(ending), **LABEL)
    for cause in Cause:
        yield (
            f"not proven {cause}",
            modals.outcome_modal(lang, an_outcome(Ending.NOT_PROVEN, code=cause), **LABEL),
        )


def answers(lang: Language, address: str = "ann@example.com") -> Drawn:
    yield "connect", modals.connect_modal(lang)
    yield "connect with", modals.connect_modal(lang, address=address, own_address=address)
    for reconnect in (True, False):
        yield (
            f"consent {reconnect}",
            modals.consent_modal(
                lang,
                address=address,
                scopes=SCOPES,
                url="https://x.example/go/1",
                reconnect=reconnect,
                **LABEL,
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
    yield "too late", replies.too_late_message(lang)
    yield "working", replies.working_message(lang)
    yield "working modal", modals.working_modal(lang)
    yield "help", replies.help_message(lang, "/inbox")
    yield "unknown verb", replies.unknown_verb_message(lang, "staus", "status", "/inbox")
    yield "unknown verb without a guess", replies.unknown_verb_message(lang, address, None, "/inbox")
    yield "which of none", replies.which_address_message(lang, "disable", (), "/inbox")
    yield "which of many", replies.which_address_message(lang, "disable", (address,) * 500, "/inbox")
    yield "done", replies.done_message(lang, Words("Done", address))
    yield "operator", notices.operator_notice(lang, "google:invalid_client:2026-11-23", "Gmail", True)
    yield "operator again", notices.operator_notice(lang, "google:invalid_client", "Gmail", False)
