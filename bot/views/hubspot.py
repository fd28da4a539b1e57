"""HubSpot's portal on our screens: the list of its channels, Home's section, and who is who.

The one rule: the screens say plainly what HubSpot does not tell, so that nobody takes silence for health.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.domain.hubspot import LABEL, HubSpotChannel, HubSpotInbox, HubSpotState
from bot.domain.hubspot_models import BothSides, HubSpotOverview, HubSpotSummary, HubSpotUserRow
from bot.domain.ids import UserId
from bot.domain.view_models import HubSpotHistory
from bot.views.blocks import (
    Block,
    Message,
    View,
    actions,
    bold,
    button,
    context,
    divider,
    escape,
    fitting,
    inert,
    instant,
    link,
    mention,
    message,
    modal,
    more,
    paragraphs,
    plain,
    section,
    to_type,
)
from bot.views.buttons import typed_button
from bot.views.history import timeline, told_blocks
from bot.views.home import NOTHING_ELSEWHERE, Elsewhere
from bot.views.i18n import Language
from bot.views.messages.hubspot import (
    between,
    between_in_short,
    hubspot_refusal_words,
    open_button,
    steps_words,
)
from bot.views.messages.incident_text import claims_of
from bot.views.modals.inputs import conversation_input

HUBSPOT_SHOW: Final = "hubspot.show"
HUBSPOT_TELL: Final = "hubspot.tell"
"""Carries an inbox's id."""
HUBSPOT_TELL_FORM: Final = "hubspot.tell_form"
HUBSPOT_PAIR: Final = "hubspot.pair"
HUBSPOT_UNPAIR: Final = "hubspot.unpair"
"""Carries a HubSpot user's address."""
_PAIR_BLOCK: Final = "hubspot.pair:"
_INBOXES: Final = 9
_LINES: Final = 2_400
"""Characters for one inbox, and for what is lost at Home."""
_ROOM: Final = 5_000
"""Characters for the lines of all inboxes."""
_PEOPLE_ROOM: Final = 900
_PEOPLE: Final = 10
_AT_HOME: Final = 12
_LONGEST_BLOCK_ID: Final = 255

_ORDER: Final = (
    HubSpotState.DISCONNECTED,
    HubSpotState.HELD,
    HubSpotState.SWITCHED_OFF,
    HubSpotState.GONE,
    HubSpotState.CONNECTED,
)
_MARKS: Final = {
    HubSpotState.CONNECTED: "🟢",
    HubSpotState.HELD: "🟠",
    HubSpotState.DISCONNECTED: "🔴",
    HubSpotState.SWITCHED_OFF: "⏸️",
    HubSpotState.GONE: "🗑️",
}


def state_in_words(lang: Language, state: HubSpotState) -> str:
    match state:
        case HubSpotState.CONNECTED:
            return lang.say("connected in HubSpot")
        case HubSpotState.HELD:
            return lang.say("disconnected in HubSpot together with many others")
        case HubSpotState.DISCONNECTED:
            return lang.say("disconnected in HubSpot")
        case HubSpotState.SWITCHED_OFF:
            return lang.say("turned off in HubSpot")
        case HubSpotState.GONE:
            return lang.say("no longer in HubSpot")


# --- /inbox hubspot


def hubspot_message(lang: Language, overview: HubSpotOverview) -> Message:
    """The portal: its inboxes, their channels, and whom it tells."""
    said = lang.say("HubSpot: your team's addresses there")
    shown = sorted(overview.inboxes, key=lambda it: _urgency(overview.channels, it))
    room = min(_LINES, _ROOM // max(1, min(len(shown), _INBOXES)))
    blocks = [
        section(f"{bold(escape(said))}\n{_looked(lang, overview)}", _all(lang, overview)),
        *(block for it in shown[:_INBOXES] for block in _inbox(lang, overview, it, room=room)),
        *more(lang, len(shown) - _INBOXES),
        divider(),
        context(_people(lang, overview)),
        context(not_told(lang)),
    ]
    return message(escape(said), blocks)


def _all(lang: Language, overview: HubSpotOverview) -> Block | None:
    return open_button(lang, overview.url, about=lang.say("Inboxes")) if overview.url else None


def _looked(lang: Language, overview: HubSpotOverview) -> str:
    portal = overview.portal
    if portal.looked_at is None and not portal.trouble:
        return lang.say("HubSpot has not been checked yet.")
    number = lang.say(
        "Portal {number}, data in {place}.",
        number=inert(portal.portal_id) or "–",
        place=inert(portal.hosting) or "–",
    )
    when = (
        lang.say("Last complete check: {when}.", when=instant(lang, portal.looked_at))
        if portal.looked_at
        else lang.say("It has not been checked completely yet.")
    )
    return "\n".join(filter(None, [lang.together(number, when), trouble_line(lang, portal.trouble)]))


def trouble_line(lang: Language, trouble: str) -> str:
    """Why nothing new is known, if it is so."""
    if not trouble:
        return ""
    if trouble in {"unauthorized", "missing_scopes", "unknown_path"}:
        why, _ = hubspot_refusal_words(lang, trouble)
        return f"⚠️ {escape(why)}"
    return "⚠️ " + lang.say(
        "HubSpot is not answering properly at the moment: what follows may be out of date."
    )


def _urgency(channels: Sequence[HubSpotChannel], inbox: HubSpotInbox) -> tuple[int, str]:
    worst = [_ORDER.index(it.state) for it in channels if it.inbox_id == inbox.inbox_id and it.is_watched]
    return (min(worst, default=len(_ORDER)), inbox.name.casefold())


def _inbox(lang: Language, overview: HubSpotOverview, inbox: HubSpotInbox, *, room: int) -> list[Block]:
    its = [it for it in overview.channels if it.inbox_id == inbox.inbox_id]
    its.sort(key=lambda it: (_ORDER.index(it.state), it.key))
    if not its:
        return []
    name = inert(inbox.name, 40) or "–"
    kind = lang.say("help desk") if inbox.is_help_desk else ""
    gone = lang.say("removed") if inbox.is_archived else ""
    title = " · ".join(filter(None, [bold(name), kind, gone]))
    lines = [_line(lang, overview, it) for it in its]
    kept = fitting(lines, room)
    url = overview.urls.get(inbox.inbox_id, "")
    told = _told(lang, inbox)
    tell = button(lang.say("Choose a conversation…"), HUBSPOT_TELL, value=inbox.inbox_id, about=inbox.name)
    return [
        section("\n".join([title, *kept]), open_button(lang, url, about=inbox.name) if url else None),
        *more(lang, len(lines) - len(kept)),
        *([context(told)] if told else []),
        *(actions(tell) if overview.may_change and not inbox.is_archived else []),
    ]


def _told(lang: Language, inbox: HubSpotInbox) -> str:
    if inbox.conversation_id is None:
        return ""
    return lang.say("Also told in {conversation}.", conversation=f"<#{inert(inbox.conversation_id, 30)}>")


def _line(lang: Language, overview: HubSpotOverview, channel: HubSpotChannel) -> str:
    name = inert(channel.address or channel.name) or "–"
    if not channel.is_watched:
        return f"▫️ {name} · " + lang.say("HubSpot's own forwarding address: listed, not watched")
    state = state_in_words(lang, channel.state)
    parts = [f"{_MARKS[channel.state]} {name}", state]
    if channel.state is not HubSpotState.CONNECTED:
        parts.append(between_in_short(lang, channel))
    if (claim := overview.claimed.get(channel.id)) is not None:
        who, at = claim
        parts.append(
            "🙋 " + lang.say("{who} has been on it since {when}.", who=mention(who), when=instant(lang, at))
        )
    return " · ".join(parts)


def _people(lang: Language, overview: HubSpotOverview) -> str:
    ours = lang.say("Told when one is disconnected: super admins and people with account access.")
    if not overview.portal.is_people_read:
        rest = lang.say(
            "HubSpot's own super admins cannot be read: the token lacks {scope}.",
            scope="`settings.users.read`",
        )
        return lang.together(ours, rest)
    named = fitting([_person(lang, it) for it in overview.people], _PEOPLE_ROOM)
    count = len(overview.people) - len(named)
    theirs = lang.say("HubSpot's super admins, too: {people}", people=lang.listed(named) or "–")
    return lang.together(ours, theirs) + (f" (+{count})" if count > 0 else "")


def _person(lang: Language, row: HubSpotUserRow) -> str:
    if row.user_id is not None:
        return mention(row.user_id)
    return lang.say("{email} (nobody in Slack)", email=inert(row.email))


def not_told(lang: Language) -> str:
    """What HubSpot does not tell; nobody should think that it would be here."""
    return lang.say(
        "What HubSpot does not tell us: why, who connected it, anybody's personal inbox, and "
        "whether mail really arrives."
    )


def tell_modal(lang: Language, inbox: HubSpotInbox) -> View:
    """Where an inbox's outages are told, beside those who are told anyway."""
    name = inert(inbox.name, 60) or "–"
    return modal(
        "HubSpot",
        [
            section(lang.say("When an address in the inbox {name} is disconnected in HubSpot:", name=name)),
            conversation_input(lang, inbox.conversation_id or ""),
        ],
        submit=lang.say("Save"),
        close=lang.say("Cancel"),
        callback=HUBSPOT_TELL_FORM,
        metadata=inbox.inbox_id,
    )


# --- in the dialog about admins


def pair_blocks(lang: Language, people: Sequence[HubSpotUserRow]) -> list[Block]:
    """HubSpot's super admins, and who that is in Slack; never guessed by name."""
    if not people:
        return []
    head = bold(lang.say("HubSpot's super admins"))
    lead = lang.say("They are told, too, when HubSpot loses a team address. They get no rights here.")
    rows = [block for it in people[:_PEOPLE] for block in _pair(lang, it)]
    return [divider(), section(f"{head}\n{lead}"), *rows, *more(lang, len(people) - _PEOPLE)]


def _pair(lang: Language, row: HubSpotUserRow) -> list[Block]:
    email = inert(row.email)
    if row.user_id is not None and not row.is_paired:
        return [section(f"{email} · {mention(row.user_id)}")]
    if row.user_id is not None:
        undo = button(lang.say("Not the same person"), HUBSPOT_UNPAIR, value=row.email, about=row.email)
        return [section(f"{email} · {mention(row.user_id)}", undo)]
    block = f"{_PAIR_BLOCK}{row.email}"
    if len(block) > _LONGEST_BLOCK_ID:
        return [section(email)]
    label = lang.say("Who is that in Slack?")
    choose = {"type": "users_select", "action_id": HUBSPOT_PAIR, "placeholder": plain(label)}
    return [
        {
            **section(lang.say("{email}: nobody in Slack has this address.", email=email), choose),
            "block_id": block,
        }
    ]


def pairs_in(fields: Mapping[str, str]) -> list[tuple[str, UserId]]:
    """Whom a click has paired: HubSpot's address, and the person in Slack."""
    return [
        (block.removeprefix(_PAIR_BLOCK), UserId(chosen))
        for block, chosen in fields.items()
        if block.startswith(_PAIR_BLOCK) and chosen
    ]


# --- Home, status and why


def in_the_list(lang: Language, summary: HubSpotSummary | None) -> Elsewhere:
    """HubSpot's part of Home and of the list: what is broken there, first of all, and the way to the rest.
    Where somebody looks for a text, what has it."""
    if summary is None or (summary.looked_at is None and not summary.trouble):
        return NOTHING_ELSEWHERE
    is_search = summary.found is not None
    listed = summary.broken if summary.found is None else summary.found
    if is_search and not listed:
        return NOTHING_ELSEWHERE
    lines = [_listed_line(lang, summary, it) for it in sorted(listed, key=_by_state)]
    kept = fitting(lines[:_AT_HOME], _LINES)
    said = (
        ""
        if is_search
        else "🟢 " + lang.count("{n} address connected", "{n} addresses connected", summary.works)
    )
    is_first = bool(summary.broken) and not is_search
    # Those that were lost together with many others may come back by themselves.
    needs = is_first and any(it.state is HubSpotState.DISCONNECTED for it in summary.broken)
    name = lang.say("Needs you in HubSpot") if needs else LABEL
    head = "\n".join(filter(None, [bold(name), said, trouble_line(lang, summary.trouble)]))
    blocks = [
        section(head, button(lang.say("Show all of HubSpot"), HUBSPOT_SHOW)),
        *(section(text) for text in paragraphs(kept)),
        *more(lang, len(lines) - len(kept)),
    ]
    return Elsewhere((*blocks, divider()) if is_first else (divider(), *blocks), is_first)


def _by_state(channel: HubSpotChannel) -> tuple[int, str]:
    return _ORDER.index(channel.state), channel.key


def _listed_line(lang: Language, summary: HubSpotSummary, channel: HubSpotChannel) -> str:
    inbox = inert(channel.inbox.name, 40) if channel.inbox else ""
    name = inert(channel.address or channel.name) or "–"
    if not channel.is_watched:
        own = lang.say("HubSpot's own forwarding address: listed, not watched")
        return " · ".join(filter(None, [f"▫️ *{name}*", inbox, own]))
    parts = [f"{_MARKS[channel.state]} *{name}*", inbox]
    if channel.state is not HubSpotState.CONNECTED:
        parts.append(lang.say("since {when}", when=instant(lang, channel.since)))
    if (claim := summary.claimed.get(channel.id)) is not None:
        parts.append(f"🙋 {mention(claim[0])}")
    if url := summary.urls.get(channel.inbox_id, ""):
        parts.append(link(url, lang.say("Open in HubSpot")))
    return " · ".join(filter(None, parts))


def only_there_message(lang: Language, past: HubSpotHistory, *, now: datetime, why: bool) -> Message:
    """An address that is in HubSpot and not connected here: how it stands there; ``why``: with what was
    seen of it and whom that was told."""
    channel = past.side.channel
    name = inert(channel.address or channel.name) or "–"
    not_here = lang.say("It is watched in HubSpot, and not connected to Inboxkeeper.")
    if not channel.is_watched:
        not_here = "▫️ " + lang.say("HubSpot's own forwarding address: listed, not watched")
    claim = claims_of(lang, [past.incident]) if past.incident and past.incident.is_open and not why else []
    seen = [*told_blocks(lang, past.incident, past.told, now), *timeline(lang, past.records)] if why else []
    other = (lang.say("Details"), "status") if why else (lang.say("Why?"), "why")
    return message(
        name,
        [
            section(f"{bold(name)}\n{not_here}"),
            *both_sides(lang, past.side),
            *([context("\n".join(claim))] if claim else []),
            *seen,
            *actions(
                typed_button(other[0], f"{other[1]} {channel.address}", about=channel.address),
                button(lang.say("Show all of HubSpot"), HUBSPOT_SHOW),
            ),
            context(not_told(lang)),
        ],
    )


def both_sides(lang: Language, side: BothSides | None) -> list[Block]:
    """For an address that is connected here and is in HubSpot, too: how it stands there."""
    if side is None or not side.channel.is_watched:
        return []
    channel = side.channel
    there = lang.say("In HubSpot")
    state = f"{_MARKS[channel.state]} {bold(there)}"
    name = inert(channel.inbox.name, 40) if channel.inbox else ""
    lines = [state, " · ".join(filter(None, [state_in_words(lang, channel.state), name]))]
    if channel.state is not HubSpotState.CONNECTED:
        lines += [between(lang, channel), steps_words(lang, channel)]
    return [
        section("\n".join(lines), open_button(lang, side.url, about=channel.address) if side.url else None)
    ]


def with_help(lang: Language, help_message: Message, command: str) -> Message:
    """All verbs, and the one that is there only while HubSpot is watched."""
    verb, meaning = lang.say("hubspot"), lang.say("your team addresses in HubSpot")
    line = f"{to_type(command, verb)}  {meaning}"
    *groups, how, ways = help_message["blocks"]
    return {**help_message, "blocks": [*groups, section(line), how, ways]}
