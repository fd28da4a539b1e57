"""Holds, evidence, drills and exports, drawn once per case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.access import Person
from bot.domain.channel import Cause, Channel, HistoryEntry, Kind, State
from bot.domain.ids import ChannelId, ConversationId, ProviderOutageId, UserId
from bot.domain.incident import Unexplained
from bot.domain.lifecycle import Signal
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Vote
from bot.domain.provider_outage import Advice, Proof, ProviderOutage
from bot.domain.view_models import HELD_READ, Drill, HeldModel, HistoryModel, NoticeModel, Told
from bot.notifier import rendered
from bot.views.history import drill_message, export_message, why_message
from bot.views.home import home, overview_message
from bot.views.i18n import Language
from bot.views.messages import provider_outage_notice, somebody_else_notice
from bot.views.status import status_message
from tests.views.samples import (
    ANN,
    BOB,
    NOW,
    W,
    a_channel,
    a_person,
    a_picture,
    a_row,
    a_status,
    a_team_channel,
    an_incident,
    an_outage,
    an_overview,
)

Drawn = Iterator[tuple[str, dict[str, Any]]]


def a_hold(**changes: Any) -> ProviderOutage:
    values: dict[str, Any] = {
        "id": ProviderOutageId("h1"),
        "workspace_id": W,
        "provider": "google",
        "tenant": "",
        "opened_at": NOW - timedelta(minutes=3),
    }
    return ProviderOutage(**(values | changes))


def held_channels(count: int, *, text: str = "", kind: Kind = Kind.TEAM) -> tuple[Channel, ...]:
    return tuple(
        a_channel(
            id=ChannelId(f"h{n}"),
            address=text or f"team-{n}@example.com",
            kind=kind,
            owner_id=BOB if kind is Kind.PERSONAL else None,
            state=State.IMPAIRED,
        )
        for n in range(count)
    )


def _advice(provider_outage: ProviderOutage | None, *, is_reconnect_offered: bool) -> Advice:
    if provider_outage is not None and provider_outage.tenant:
        return Advice.ASK_ADMIN_THEN_RECONNECT if is_reconnect_offered else Advice.ASK_ADMIN
    return Advice.RECONNECT if is_reconnect_offered else Advice.WAIT


def a_hold_picture(
    provider_outage: ProviderOutage | None,
    held: tuple[Channel, ...] = (),
    *,
    is_reconnect_offered: bool = False,
) -> NoticeModel:
    is_open = provider_outage is not None and provider_outage.is_open
    tenant = (provider_outage.tenant,) if provider_outage is not None and provider_outage.tenant else ()
    own = tuple(it for it in held if not it.is_personal or it.owner_id == ANN)
    return a_picture(
        NoticeKind.HOLD,
        provider_outage=provider_outage,
        held=HeldModel(len(held), held[:HELD_READ], len(own), own[:HELD_READ]),
        organisation=tenant,
        advice=_advice(provider_outage, is_reconnect_offered=is_reconnect_offered),
        is_open=is_open,
    )


def some_evidence(channel: Channel | None = None, **changes: Any) -> HistoryModel:
    """An outage with everything that can be recorded of one."""
    channel = channel or a_team_channel(state=State.DISCONNECTED)
    values: dict[str, Any] = {
        "row": a_row(channel, is_own=False),
        "records": some_records(channel.id),
        "incident": an_incident(channel_id=channel.id, claimed_by=BOB, claimed_at=NOW),
        "told": (
            Told(ANN, is_shown=True, reminders=2, snoozed_until=NOW + timedelta(hours=1)),
            Told(BOB, is_shown=False),
            Told(UserId("U0EVE"), is_shown=False, unreachable="user_disabled"),
        ),
        "next_probe_at": NOW + timedelta(minutes=11),
        "strikes": 2,
    }
    return HistoryModel(**(values | changes))


def some_records(channel_id: ChannelId) -> tuple[HistoryEntry, ...]:
    """Newest first: every signal, every vote, and what people do."""
    readers = ("claimed", "handed_back", "handed_over", "snoozed", "woken")
    whats = [*Signal, *readers, "taken_over", "unheard-of"]
    told = [
        HistoryEntry(W, channel_id, NOW - timedelta(minutes=n), what, ANN if n % 2 else None)
        for n, what in enumerate(whats)
    ]
    struck = [
        HistoryEntry(
            W,
            channel_id,
            NOW - timedelta(hours=2, minutes=n),
            "strike",
            None,
            {"code": "invalid_grant", "siblings": vote},
        )
        for n, vote in enumerate(Vote)
    ]
    return (*told, *struck)


def a_drill(channel: Channel | None = None, *readers: Person, **changes: Any) -> Drill:
    channel = channel or a_team_channel()
    values: dict[str, Any] = {
        "row": a_row(channel, is_own=False),
        "readers": readers,
        "conversation_id": ConversationId("C0SUPPORT"),
        "told_within": timedelta(minutes=2, seconds=30),
        "reminders": (timedelta(hours=4), timedelta(hours=24), *(timedelta(days=d) for d in range(2, 8))),
    }
    return Drill(**(values | changes))


def doubts(lang: Language) -> Drawn:
    """Everything, about ordinary inboxes."""
    yield from about_holds(lang)
    yield from about_unknown_codes(lang)
    yield from about_evidence(lang, a_team_channel(state=State.DISCONNECTED))
    for state in State:
        yield f"why {state}", why_message(lang, some_evidence(a_team_channel(state=state)), now=NOW)
    yield "export", export_message(lang, url="https://x.example/export/1", until=NOW)


def about_unknown_codes(lang: Language, text: str = "") -> Drawn:
    """In every place, before anybody is told and after."""
    for is_lasting in (False, True):
        found = Unexplained(text or "quantum_flux", is_lasting=is_lasting, others_work=is_lasting)
        channel = a_team_channel(state=State.IMPAIRED, cause=Cause.PROVIDER_UNREACHABLE)
        row = a_row(channel, unexplained=found)
        overview = an_overview(team=(row,))
        yield f"unknown code status {is_lasting}", status_message(lang, a_status(row), now=NOW)
        yield f"unknown code list {is_lasting}", overview_message(lang, overview, now=NOW)
        yield f"unknown code home {is_lasting}", home(lang, overview)
        evidence = some_evidence(row=row, incident=None)
        yield f"unknown code why {is_lasting}", why_message(lang, evidence, now=NOW)


def about_holds(lang: Language, text: str = "") -> Drawn:
    ended = {"ended_at": NOW}
    for tenant in ("", text or "example.com"):
        for count in (0, 1, 3, 5, 6, 500):
            for kind in Kind:
                for is_reconnect_offered in (False, True):
                    model = a_hold_picture(
                        a_hold(tenant=tenant),
                        held_channels(count, text=text, kind=kind),
                        is_reconnect_offered=is_reconnect_offered,
                    )
                    yield (
                        f"hold {bool(tenant)} {count} {kind} {is_reconnect_offered}",
                        provider_outage_notice(lang, model),
                    )
        for was in (True, False):
            model = a_hold_picture(a_hold(tenant=tenant, was_false_alarm=was, **ended))
            yield f"hold over {bool(tenant)} {was}", provider_outage_notice(lang, model)
        for shown in (Proof(NOW, BOB, text or "support@example.com"), Proof(NOW, None, "")):
            over = a_hold_picture(a_hold(tenant=tenant, **ended))
            yield (
                f"hold proven {bool(tenant)} {shown.by}",
                provider_outage_notice(lang, replace(over, proof=shown)),
            )
    mine_and_others = (*held_channels(2), *held_channels(2, text="bob@example.com", kind=Kind.PERSONAL))
    mixed = a_hold_picture(a_hold(), mine_and_others, is_reconnect_offered=True)
    yield "hold of some that are others'", provider_outage_notice(lang, mixed)
    yield "hold unknown", provider_outage_notice(lang, a_hold_picture(None))
    for is_open in (True, False):
        for subject in (f"by:{BOB}:2026-11-23T14:05:00+00:00", ""):
            channel = a_channel(address=text or "ann@example.com")
            notice = {"subject": subject}
            model = a_picture(NoticeKind.SOMEBODY_ELSE, channel=channel, notice=notice, is_open=is_open)
            yield f"somebody else {is_open} {subject}", somebody_else_notice(lang, model)


def about_evidence(lang: Language, channel: Channel) -> Drawn:
    many = tuple(Told(UserId(f"U0{n:05d}"), is_shown=True, unreachable=channel.name) for n in range(300))
    over = an_incident(channel_id=channel.id, resolved_at=NOW)
    yield "why", why_message(lang, some_evidence(channel), now=NOW)
    yield "why so many", why_message(lang, some_evidence(channel, told=many), now=NOW)
    yield "why it was", why_message(lang, some_evidence(channel, incident=over, told=()), now=NOW)
    bare = some_evidence(channel, records=(), incident=None, told=(), next_probe_at=None, strikes=0)
    yield "why not", why_message(lang, bare, now=NOW)
    odd = HistoryEntry(W, channel.id, NOW, "strike", ANN, {"code": channel.name, "siblings": channel.name})
    yield "why oddly", why_message(lang, some_evidence(channel, records=(odd,) * 40), now=NOW)
    crowd = tuple(a_person(f"U0{n:05d}", locale="ja-JP" if n % 2 else "en-US") for n in range(300))
    for name, readers in (("nobody", ()), ("one", crowd[:1]), ("a crowd", crowd)):
        drill = a_drill(channel, *readers, conversation_id=None if name == "one" else "C0SUPPORT")
        yield f"drill for {name}", drill_message(lang, drill, now=NOW, command="/inbox")
    uncorroborated = an_outage(channel, is_uncorroborated=True, opened_at=NOW - timedelta(minutes=5))
    model = a_picture(NoticeKind.INCIDENT, uncorroborated)
    yield "a lonely incident", _in(lang, model)


def _in(lang: Language, model: NoticeModel) -> dict[str, Any]:
    """As the notifier renders it, in ``lang``."""
    return rendered(replace(model, locale=lang.code))
