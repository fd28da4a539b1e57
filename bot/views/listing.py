"""Many channels within Slack's limits: trouble first, and an honest count of what found no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.address import key_of
from bot.domain.channel import URGENCY, Channel
from bot.domain.ids import ChannelId
from bot.views.blocks import Block, context, escape, section, to_type
from bot.views.language import Language
from bot.views.models import ChannelRow, Overview
from bot.views.rows import row_blocks, wants_mending
from bot.views.words import state_count, state_mark


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be shown: Slack's limits less what stands around the list."""

    blocks: int
    characters: int
    roomy_rows: int
    """Up to this many rows each has all its buttons."""


def listing(lang: Language, overview: Overview, room: Room) -> list[Block]:
    """All groups, each under its heading, as far as there is room."""
    roomy, mend = overview.tally.total <= room.roomy_rows, to_mend(overview)
    blocks: list[Block] = []
    shown = characters = 0
    for heading, row in _lines(lang, overview):
        added = [*heading, *row_blocks(lang, row, roomy=roomy, primary=mend == row.channel.id)]
        characters += _characters(added)
        if len(blocks) + len(added) > room.blocks or characters > room.characters:
            break  # nothing is drawn that will not be shown
        blocks += added
        shown += 1
    return [*blocks, *_more(lang, overview.tally.total - shown, overview.command)]


def to_mend(overview: Overview) -> ChannelId | None:
    """The one channel whose Reconnect stands out: the first that this person can mend."""
    for group in (overview.team, overview.own, overview.others):
        if waiting := [row.channel for row in group if wants_mending(row)]:
            return min(waiting, key=_rank).id
    return None


def summary(lang: Language, overview: Overview) -> str:
    """``🔴 1 disconnected · 🟢 11 connected``: worth a line from two channels on."""
    counts = [(state, overview.tally.of_state.get(state, 0)) for state in URGENCY]
    return " · ".join(f"{state_mark(state)} {state_count(lang, state, n)}" for state, n in counts if n)


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
    return (URGENCY.index(channel.state), key_of(channel.address))


def _more(lang: Language, hidden: int, command: str) -> list[Block]:
    if not hidden:
        return []
    narrow = to_type(command, lang.say("status"), escape(lang.say("<address>")))
    return [context(lang.count("and {n} more: {command}", "and {n} more: {command}", hidden, command=narrow))]


def _characters(blocks: list[Block]) -> int:
    """All text in these blocks, as Slack counts it towards a message's limit."""
    total, waiting = 0, list[Any](blocks)
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            own = part.get("text")
            total += len(own) if isinstance(own, str) else 0
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return total
