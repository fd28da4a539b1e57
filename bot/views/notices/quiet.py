"""What is over: grey lines, as many as a message holds, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.views.blocks import Block, Message, context, message
from bot.views.language import Language

LONGEST_BLOCK: Final = 2_900
"""Slack takes 3,000 characters in one text."""


def quiet(said: str) -> Message:
    """One grey line: there is nothing to do."""
    return message(said, [context(said)])


def quiet_list(lang: Language, said: str, lines: Sequence[str], *, room: int = 8_000) -> Message:
    """A grey summary above grey lines."""
    kept = fitting(lines, room)
    return message(said, [context(said), *grey(kept), *more(lang, len(lines) - len(kept))])


def fitting(lines: Sequence[str], room: int) -> list[str]:
    """The first lines that fit into ``room`` characters together."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def paragraphs(lines: Sequence[str]) -> list[str]:
    """The lines, joined to as few texts as Slack's limit allows."""
    joined: list[str] = []
    for line in lines:
        if joined and len(joined[-1]) + len(line) < LONGEST_BLOCK:
            joined[-1] = f"{joined[-1]}\n{line}"
        else:
            joined.append(line)
    return joined


def grey(lines: Sequence[str]) -> list[Block]:
    return [context(text) for text in paragraphs(lines)]


def more(lang: Language, hidden: int) -> list[Block]:
    return [context(lang.count("and {n} more", "and {n} more", hidden))] if hidden > 0 else []
