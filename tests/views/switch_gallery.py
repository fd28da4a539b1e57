"""Switches, the way where there is none, and mail that has moved: drawn once per case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

from bot.domain.address import NOWHERE
from bot.domain.channel import Channel, HistoryEntry, State
from bot.domain.errors import DisconnectFirst, ReconnectFirst, SwitchInstead
from bot.domain.grant import MailboxIdentity, Revocation
from bot.domain.ids import GrantId
from bot.domain.notice import NoticeKind
from bot.domain.ticket import Purpose
from bot.domain.view_models import Mail, NoticeModel, Removal
from bot.notifier import rendered
from bot.views import modals, replies
from bot.views.history import why_message
from bot.views.home import overview_message
from bot.views.i18n import Language
from bot.views.status import status_message
from tests.views.history_gallery import some_evidence
from tests.views.samples import (
    BOB,
    MICROSOFT_SCOPES,
    NOW,
    SCOPES,
    W,
    a_picture,
    a_removal,
    a_row,
    a_start,
    a_status,
    a_team_channel,
    an_outage,
    an_overview,
    removed_by_hand,
)

Drawn = Iterator[tuple[str, dict[str, Any]]]
PROVIDERS = (("google", "Gmail"), ("microsoft", "Office 365"), ("imap", "IMAP"))
DOER = f"by:{BOB}:2026-11-23T14:05:00+00:00"


def some_mail(place: str = "microsoft", label: str = "Office 365", **changes: Any) -> Mail:
    """The mail of a team address that was at Google and has moved."""
    values: dict[str, Any] = {
        "domain": "example.com",
        "place": place,
        "label": label,
        "is_home": False,
        "has_left": True,
        "since": NOW - timedelta(days=2),
        "is_on": True,
    }
    return Mail(**(values | changes))


def no_mail() -> Mail:
    """Its domain says by now that it takes none."""
    return some_mail(NOWHERE, NOWHERE, is_on=False)


def at_microsoft(channel: Channel) -> Channel:
    return replace(channel, provider="microsoft", identity=MailboxIdentity("microsoft", "1.2", "2"))


def about_switching(lang: Language, channel: Channel | None = None) -> Drawn:
    """Every view about another provider, of one channel."""
    channel = channel or a_team_channel()
    case = f"{channel.kind} {channel.state} {channel.cause}"
    yield from switching(lang, channel, case)
    yield from leaving(lang, channel, case)
    for name, model in (*switched(channel), *moved(channel)):
        yield f"{name} {case}", rendered(replace(model, locale=lang.code))
    yield from shown(lang, channel, case)


def switching(lang: Language, channel: Channel, case: str) -> Drawn:
    for by_hand, is_shared, may_be_shared in product((True, False), repeat=3):
        leaves = removed_by_hand("microsoft", "Office 365") if by_hand else a_removal()
        goal, label = PROVIDERS[0] if by_hand else PROVIDERS[1]
        begun = a_start(
            label,
            purpose=Purpose.SWITCH,
            address=channel.address,
            provider=goal,
            scopes=SCOPES if by_hand else MICROSOFT_SCOPES,
            is_shared=is_shared,
            may_be_shared=may_be_shared,
            others=PROVIDERS,
        )
        yield (
            f"switch {by_hand} {is_shared} {may_be_shared} {case}",
            modals.switch_modal(lang, begun, replace(leaves, channel=channel)),
        )
    instead = SwitchInstead(channel, "Gmail", PROVIDERS[1])
    yield f"switch instead {case}", modals.switch_instead_modal(lang, instead)
    yield f"reconnect first {case}", modals.reconnect_first_modal(lang, ReconnectFirst(channel))


def leaving(lang: Language, channel: Channel, case: str) -> Drawn:
    host = "mail.example.net" if channel.name in {"", "Support"} else channel.name
    for ways in (PROVIDERS, PROVIDERS[:1]):
        first = DisconnectFirst(channel, host, ways)
        yield f"disconnect first {len(ways)} {case}", modals.disconnect_first_modal(lang, first)
    for to, needs_approval in product(PROVIDERS, (True, False)):
        removal = removed_by_hand("imap", "mail.example.net", channel=channel)
        view = modals.leave_modal(lang, removal, to=to, needs_approval=needs_approval)
        yield f"leave {to[0]} {needs_approval} {case}", view


def switched(channel: Channel) -> Iterator[tuple[str, NoticeModel]]:
    subject = {"subject": f"to:microsoft:{DOER}", "grant_id": GrantId("g0")}
    for revocation in Revocation:
        removal = a_removal(revocation, channel=channel, shared_here=1, now_at="Office 365")
        model = a_picture(NoticeKind.SWITCHED, channel=channel, removal=removal, notice=subject)
        yield f"switched {revocation}", model
    for family, label in (("microsoft", "Office 365"), ("outlook", "Outlook.com")):
        by_hand: Removal = removed_by_hand(family, label, channel=channel, now_at="Gmail")
        notice = {"subject": f"to:google:{DOER}"}
        yield (
            f"switched back from {family}",
            a_picture(NoticeKind.SWITCHED, channel=channel, removal=by_hand, notice=notice),
        )
    yield (
        "switched by nobody",
        a_picture(NoticeKind.SWITCHED, channel=channel, removal=by_hand, notice={"subject": "to:google:"}),
    )
    yield "switched and unknown", a_picture(NoticeKind.SWITCHED, channel=channel)


def moved(channel: Channel) -> Iterator[tuple[str, NoticeModel]]:
    for (key, label), is_on, is_open in product(PROVIDERS[1:], (True, False), (True, False)):
        mail = some_mail(key, label, is_on=is_on)
        model = a_picture(
            NoticeKind.MOVED,
            channel=channel,
            mail=mail,
            is_open=is_open,
            notice={"subject": "google:2026-11-21T00:00:00+00:00"},
        )
        yield f"moved to {key} {is_on} {is_open}", model
    nowhere = a_picture(NoticeKind.MOVED, channel=channel, mail=no_mail())
    yield "moved to nowhere", replace(nowhere, is_open=True)
    gone = a_picture(NoticeKind.MOVED, channel=at_microsoft(channel), provider_label="Office 365")
    yield "moved and followed", replace(gone, is_open=False, mail=some_mail(is_home=True))
    yield "moved and unknown", a_picture(NoticeKind.MOVED, channel=channel)


def shown(lang: Language, channel: Channel, case: str) -> Drawn:
    """Where it is seen besides."""
    for mail in (some_mail("imap", "IMAP"), some_mail(is_on=False), no_mail(), some_mail()):
        row = a_row(channel, is_own=False, mail=mail)
        name = f"list moved to {mail.place} {mail.is_on} {case}"
        yield name, overview_message(lang, an_overview(team=(row,)), now=NOW)
    for mail in (
        some_mail(),
        some_mail("imap", "IMAP"),
        no_mail(),
        some_mail("google", "Gmail", is_home=True),
    ):
        for has_left in (True, False):
            told = replace(mail, has_left=has_left)
            status = status_message(lang, a_status(row, mail=told), now=NOW)
            yield f"status mail at {mail.place} {has_left} {case}", status
    records = tuple(
        HistoryEntry(W, channel.id, NOW, what, None, {"left": "google", "provider": place})
        for what, place in product(
            ("mail_moved", "switch_proven"), ("google", "microsoft", "imap", NOWHERE, "")
        )
        if (what, place) != ("switch_proven", NOWHERE)
    )
    evidence = some_evidence(channel, row=row, records=records)
    yield f"why moved {case}", why_message(lang, evidence, now=NOW)
    yield f"status after {case}", status_message(lang, a_status(row, recent=records), now=NOW)
    for mail in (some_mail(), some_mail("imap", "IMAP"), no_mail(), some_mail(is_on=False)):
        outage = replace(an_outage(channel), mail=mail)
        for outages in ((outage,), (outage, outage)):
            model = a_picture(NoticeKind.INCIDENT, *outages)
            name = f"incident moved to {mail.place} {mail.is_on} {len(outages)} {case}"
            yield name, rendered(replace(model, locale=lang.code))
    moved_on = a_removal(
        channel=replace(channel, state=State.CONNECTED, removed_at=None), now_at="Office 365"
    )
    yield f"old side {case}", replies.removed_message(lang, moved_on)
    yield f"old side modal {case}", modals.removed_modal(lang, moved_on)
