"""Many channels within Slack's limits: trouble first, and an honest count of what found no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.channel import Channel, State
from bot.domain.ids import ChannelId
from bot.views.blocks import Block, context, inert, section
from bot.views.language import Language
from bot.views.models import ChannelRow, Overview
from bot.views.rows import row_blocks, wants_mending
from bot.views.words import state_mark, state_name

_URGENCY = (State.DISCONNECTED, State.IMPAIRED, State.CONNECTED, State.DISABLED, State.REMOVED)


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be shown: Slack's limits less what stands around the list."""

    blocks: int
    characters: int
    roomy_rows: int
    """Up to this many rows each has all its buttons."""


def listing(lang: Language, overview: Overview, room: Room) -> list[Block]:
    """All groups, each under its heading, as far as there is room."""
    total = len(all_rows(overview))
    roomy, mend = total <= room.roomy_rows, to_mend(overview)
    blocks: list[Block] = []
    characters = hidden = 0
    for heading, row in _lines(lang, overview):
        if hidden:  # nothing is drawn that will not be shown
            hidden += 1
            continue
        added = [*heading, *row_blocks(lang, row, roomy=roomy, primary=mend == row.channel.id)]
        grown = characters + _characters(added)
        if len(blocks) + len(added) > room.blocks or grown > room.characters:
            hidden = 1
            continue
        blocks += added
        characters = grown
    return [*blocks, *_more(lang, hidden, overview.command)]


def all_rows(overview: Overview) -> tuple[ChannelRow, ...]:
    return (*overview.team, *overview.own, *overview.others)


def to_mend(overview: Overview) -> ChannelId | None:
    """The one channel whose Reconnect stands out: the first that this person can mend."""
    for group in (overview.team, overview.own, overview.others):
        if waiting := [row.channel for row in group if wants_mending(row)]:
            return min(waiting, key=_rank).id
    return None


def summary(lang: Language, overview: Overview) -> str:
    """``🔴 1 Disconnected · 🟢 11 Connected``: worth a line from two channels on."""
    states = [row.channel.state for row in all_rows(overview)]
    counts = [(state, states.count(state)) for state in _URGENCY]
    return " · ".join(f"{state_mark(state)} {n} {state_name(lang, state)}" for state, n in counts if n)


def _lines(lang: Language, overview: Overview) -> Iterator[tuple[list[Block], ChannelRow]]:
    groups = (
        (lang.say("Team addresses"), overview.team),
        (lang.say("Your inbox"), overview.own),
        (lang.say("Other people's inboxes"), overview.others),
    )
    for name, rows in groups:
        for place, row in enumerate(_sorted(rows)):
            yield ([section(f"*{name}*")] if place == 0 else []), row


def _sorted(rows: tuple[ChannelRow, ...]) -> list[ChannelRow]:
    return sorted(rows, key=lambda row: _rank(row.channel))


def _rank(channel: Channel) -> tuple[int, str]:
    return (_URGENCY.index(channel.state), channel.address.casefold())


def _more(lang: Language, hidden: int, command: str) -> list[Block]:
    if not hidden:
        return []
    narrow = f"`{inert(command)} status …`"
    return [context(lang.count("and {n} more: {command}", "and {n} more: {command}", hidden, command=narrow))]


def _characters(value: object) -> int:
    """All text in these blocks, as Slack counts it towards a message's limit."""
    if isinstance(value, dict):
        own = value.get("text")
        return (len(own) if isinstance(own, str) else 0) + sum(_characters(part) for part in value.values())
    return sum(_characters(part) for part in value) if isinstance(value, list) else 0
