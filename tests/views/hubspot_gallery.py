"""HubSpot's messages and screens, drawn once per case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.channel import Cause, HistoryEntry, State
from bot.domain.hubspot import (
    HUBSPOT,
    HubSpotChannel,
    HubSpotInbox,
    HubSpotSignal,
    HubSpotState,
    Pair,
    Portal,
)
from bot.domain.hubspot_models import (
    BothSides,
    HubSpotModel,
    HubSpotOutage,
    HubSpotOverview,
    HubSpotSummary,
    HubSpotUserRow,
)
from bot.domain.ids import ChannelId, ConversationId, IncidentId, ProviderOutageId
from bot.domain.incident import Incident, IncidentKind, Resolution
from bot.domain.notice import NoticeKind, subject_of
from bot.domain.provider_outage import ProviderOutage
from bot.domain.view_models import HubSpotHistory, NoticeModel, Told
from bot.notifier import rendered
from bot.views import modals
from bot.views.home import home, overview_message
from bot.views.hubspot import (
    both_sides,
    hubspot_message,
    in_the_list,
    only_there_message,
    pair_blocks,
    tell_modal,
)
from bot.views.i18n import Language
from tests.views.samples import ANN, BOB, NOW, ARoster, W, a_picture, a_team_channel, an_overview

Drawn = Iterator[tuple[str, dict[str, Any]]]
URL = "https://app-eu1.hubspot.com/live-messages-settings/5/inboxes/1/channels"
PORTAL = Portal(W, "5", "app-eu1.hubspot.com", "eu1", "Europe/Berlin", "STANDARD", is_people_read=True)


def an_inbox(**changes: Any) -> HubSpotInbox:
    return replace(HubSpotInbox(W, "5", "1", "Support"), **changes)


def a_channel(number: int = 0, **changes: Any) -> HubSpotChannel:
    it = HubSpotChannel(
        id=ChannelId(f"h{number}"),
        workspace_id=W,
        portal_id="5",
        account_id=str(number),
        inbox_id="1",
        name="Support",
        address=f"support{number or ''}@example.com",
        state=HubSpotState.DISCONNECTED,
        since=NOW - timedelta(minutes=30),
        not_before=NOW - timedelta(minutes=32),
        inbox=an_inbox(),
    )
    return replace(it, **changes)


def an_outage(
    number: int = 0, *, url: str = URL, channel: HubSpotChannel | None = None, **changes: Any
) -> HubSpotOutage:
    channel = channel or a_channel(number)
    incident = Incident(
        IncidentId(f"i{number}"), W, channel.id, IncidentKind.HUBSPOT, Cause.NONE, NOW - timedelta(minutes=30)
    )
    return HubSpotOutage(channel, replace(incident, **changes), url)


def a_model(kind: NoticeKind, shown: HubSpotModel, *, why: str = "changes", **changes: Any) -> NoticeModel:
    about = {"why": why, "announcement": "a1", "incident": "i0", "times": "1", "outage": "o1"}
    about |= {"notice": "n1", "since": NOW.isoformat(), "place": "1"}
    notice = {"subject": subject_of(kind, about), "channel_id": None}
    is_open = changes.pop("is_open", True)
    return replace(a_picture(kind, notice=notice), channel=None, hubspot=shown, is_open=is_open, **changes)


def hubspot(lang: Language, text: str = "") -> Drawn:
    """All there is; ``text`` stands wherever HubSpot's people can write."""
    said = {"address": text, "name": text} if text else {}
    lost = [
        an_outage(n, channel=a_channel(n, **said, inbox=an_inbox(name=text or "Support"))) for n in range(3)
    ]
    for name, model in _notices(lost):
        yield f"hubspot {name}", rendered_in(lang, model)
    many = tuple(a_channel(n, **said) for n in range(60))
    states = tuple(a_channel(n, state=state, **said) for n, state in enumerate(HubSpotState))
    forwarding = a_channel(70, address="support@5.hubspot-inbox.com")
    people = (
        HubSpotUserRow("ann@example.com", ANN, False),
        HubSpotUserRow(
            text[:200].encode("utf-8", "replace").decode() or "bob@elsewhere.example", None, False
        ),
        HubSpotUserRow("carol@elsewhere.example", BOB, True),
    )
    overview = HubSpotOverview(
        replace(PORTAL, looked_at=NOW),
        (
            an_inbox(name=text or "Support", conversation_id=ConversationId("C0SUPPORT")),
            an_inbox(inbox_id="2", type="HELP_DESK"),
        ),
        (*states, forwarding, *(replace(it, inbox_id="2") for it in many)),
        people,
        (Pair("carol@elsewhere.example", BOB, ANN, NOW),),
        {"1": URL, "2": URL},
        URL,
        may_change=True,
        claimed={"h2": (ANN, NOW)},
    )
    yield "hubspot portal", hubspot_message(lang, overview)
    inboxes = tuple(an_inbox(inbox_id=str(n), name=text or f"Inbox {n}") for n in range(20))
    spread = tuple(a_channel(n, inbox_id=str(n % 20), **said) for n in range(400))
    wide = replace(overview, inboxes=inboxes, channels=spread, urls={str(n): URL for n in range(20)})
    yield "hubspot portal of many inboxes", hubspot_message(lang, replace(wide, people=people * 20))
    blind = replace(PORTAL, trouble="missing_scopes", is_people_read=False)
    yield (
        "hubspot portal unread",
        hubspot_message(lang, replace(overview, portal=blind, may_change=False, url="", urls={})),
    )
    yield (
        "hubspot portal never seen",
        hubspot_message(lang, replace(overview, portal=PORTAL, inboxes=(), channels=())),
    )
    yield "hubspot conversation to tell", tell_modal(lang, an_inbox(name=text or "Support"))
    dialog = modals.admins_modal(lang, ARoster())
    yield "hubspot people", {**dialog, "blocks": [*dialog["blocks"], *pair_blocks(lang, people)]}
    for works, summary in (
        (True, HubSpotSummary(12, (), NOW, "", URL)),
        (False, HubSpotSummary(3, many, NOW, "status_502", URL)),
    ):
        elsewhere = in_the_list(lang, summary)
        yield f"hubspot home {works}", home(lang, an_overview(), elsewhere=elsewhere)
        shown = overview_message(lang, an_overview(), now=NOW, elsewhere=elsewhere)
        yield f"hubspot in the list {works}", shown
    sought = in_the_list(lang, HubSpotSummary(3, many, NOW, "", URL, {"1": URL}, found=(*states, forwarding)))
    looked_for = replace(an_overview(), sought=text or "support")
    yield "hubspot sought", overview_message(lang, looked_for, now=NOW, elsewhere=sought)
    for channel in (*states, forwarding):
        incident = an_outage().incident if channel.state is HubSpotState.DISCONNECTED else None
        lines = tuple(
            HistoryEntry(W, ChannelId(channel.id), NOW - timedelta(minutes=place), signal.value)
            for place, signal in enumerate(HubSpotSignal)
        )
        past = HubSpotHistory(BothSides(channel, URL), lines, incident, (Told(ANN, True),))
        for why in (False, True):
            shown = only_there_message(lang, past, now=NOW, why=why)
            yield f"hubspot only there {channel.state} {channel.is_watched} {why}", shown
    for channel in states:
        side = both_sides(lang, BothSides(channel, URL))
        yield f"hubspot beside {channel.state}", {"text": "Both sides of it", "blocks": side}


def rendered_in(lang: Language, model: NoticeModel) -> dict[str, Any]:
    return rendered(replace(model, locale="ja-JP" if lang.code == "ja" else "en-US"))


def _notices(lost: list[HubSpotOutage]) -> Iterator[tuple[str, NoticeModel]]:
    kind = NoticeKind.HUBSPOT
    one, three = HubSpotModel(outages=(lost[0],)), HubSpotModel(outages=tuple(lost))
    ours = a_team_channel(state=State.DISCONNECTED, cause=Cause.GRANT_REFUSED)
    both = HubSpotModel(outages=(replace(lost[0], ours=ours, ours_at="Gmail"),))
    claimed = HubSpotModel(
        outages=(replace(lost[0], incident=replace(lost[0].incident, claimed_by=ANN, claimed_at=NOW)),)
    )
    yield "lost", a_model(kind, one)
    yield "lost, without a page", a_model(kind, HubSpotModel(outages=(replace(lost[0], url=""),)))
    yield "lost, and here, too", a_model(kind, both)
    yield "lost, and claimed", a_model(kind, claimed)
    handed = a_model(NoticeKind.HANDED_OVER, claimed)
    about = f"{lost[0].incident.id}:by:{BOB}:{NOW.isoformat()}"
    yield "lost, and handed over", replace(handed, notice=replace(handed.notice, subject=about))
    yield "lost, and handed over before", handed
    theirs = [replace(it, incident=replace(it.incident, claimed_by=ANN, claimed_at=NOW)) for it in lost]
    for of in (NoticeKind.HANDED_OVER, NoticeKind.CLAIM_TAKEN):
        several = a_model(of, HubSpotModel(outages=tuple(theirs)))
        by = f"{lost[0].incident.id}:by:{BOB if of is NoticeKind.HANDED_OVER else ANN}:{NOW.isoformat()}"
        yield f"several, {of}", replace(several, notice=replace(several.notice, subject=by))
    snoozed = a_model(kind, one)
    yield (
        "lost, and snoozed",
        replace(snoozed, notice=replace(snoozed.notice, snoozed_until=NOW + timedelta(hours=4))),
    )
    yield "several lost", a_model(kind, three)
    crowd = HubSpotModel(
        outages=tuple(
            an_outage(n, channel=replace(lost[0].channel, id=ChannelId(f"c{n}"))) for n in range(200)
        )
    )
    yield "very many lost", a_model(kind, crowd)
    for resolution in Resolution:
        ended = replace(lost[0], incident=replace(lost[0].incident, resolution=resolution, resolved_at=NOW))
        yield f"over: {resolution}", a_model(kind, HubSpotModel(outages=(ended,)), is_open=False)
        if resolution is Resolution.RECOVERED:
            some = HubSpotModel(outages=(ended, *lost[1:]))
            yield "some are over", a_model(kind, some)
            yield "all are over", a_model(kind, HubSpotModel(outages=(ended, ended)), is_open=False)
            yield (
                "over, in a conversation",
                a_model(NoticeKind.HUBSPOT_CONVERSATION, HubSpotModel(outages=(ended,)), is_open=False),
            )
    yield "nothing is left", a_model(kind, HubSpotModel(), is_open=False)
    yield "in a conversation", a_model(NoticeKind.HUBSPOT_CONVERSATION, one)
    yield "several in a conversation", a_model(NoticeKind.HUBSPOT_CONVERSATION, three)
    for reply in (NoticeKind.STORM, NoticeKind.RELAPSE, NoticeKind.REMINDER):
        for name, shown in (("one", one), ("three", three), ("none", HubSpotModel())):
            yield f"{reply} of {name}", a_model(reply, shown)
    yield "nobody told", a_model(NoticeKind.NOBODY_TOLD, one)
    yield from _at_once(lost)
    yield from _said(lost)
    for code in (
        "unauthorized",
        "missing_scopes conversations.read oauth",
        "missing_scopes",
        "unknown_path",
        "unreadable",
    ):
        for is_open in (True, False):
            model = a_model(NoticeKind.OPERATOR, HubSpotModel(), is_open=is_open)
            subject = subject_of(NoticeKind.OPERATOR, {"provider": HUBSPOT, "code": code, "at": "x"})
            yield (
                f"operator {code} {is_open}",
                replace(model, notice=replace(model.notice, subject=subject), hubspot=None),
            )


def _at_once(lost: list[HubSpotOutage]) -> Iterator[tuple[str, NoticeModel]]:
    outage = ProviderOutage(ProviderOutageId("o1"), W, HUBSPOT, "5", NOW - timedelta(minutes=20))
    held = tuple(replace(it.channel, state=HubSpotState.HELD) for it in lost)
    shown = HubSpotModel(channels=held * 5, outage=outage, struck=20, total=30, urls={"1": URL}, url=URL)
    kind = NoticeKind.HUBSPOT_HOLD
    yield "many at once", a_model(kind, shown)
    yield "many at once, for long", a_model(kind, replace(shown, may_reconnect=True))
    crowd = tuple(replace(held[0], inbox_id=str(n)) for n in range(9))
    wide = replace(shown, channels=crowd, may_reconnect=True, urls={str(n): URL for n in range(9)})
    yield "many at once, in many inboxes", a_model(kind, wide)
    yield "many at once, reminder", a_model(NoticeKind.REMINDER, shown)
    yield "many at once, reminder too late", a_model(NoticeKind.REMINDER, replace(shown, channels=()))
    over = replace(shown, channels=(), outage=replace(outage, ended_at=NOW, was_false_alarm=True))
    yield "many at once, over", a_model(kind, over, is_open=False)
    unclear = replace(over, outage=replace(outage, ended_at=NOW))
    yield "many at once, over without a recovery", a_model(kind, unclear, is_open=False)


def _said(lost: list[HubSpotOutage]) -> Iterator[tuple[str, NoticeModel]]:
    kind, it = NoticeKind.HUBSPOT_SAID, lost[0].channel
    all_states = tuple(replace(it, state=state) for state in HubSpotState)
    whole = tuple(
        replace(it, state=HubSpotState.GONE, inbox=replace(it.inbox or an_inbox(), is_archived=True))
        for _ in range(9)
    )
    back = (replace(it, state=HubSpotState.CONNECTED),)
    yield "said", a_model(kind, HubSpotModel(channels=all_states, urls={"1": URL}, url=URL))
    yield "said of a whole inbox", a_model(kind, HubSpotModel(channels=whole, url=URL))
    first = (replace(it, not_before=None),)
    yield "said at first", a_model(kind, HubSpotModel(channels=first), why="baseline")
    yield "said, and over", a_model(kind, HubSpotModel(channels=back), is_open=False)
    yield "said, and said anew", a_model(kind, HubSpotModel(), is_open=False)
