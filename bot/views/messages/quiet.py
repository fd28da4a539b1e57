"""What is over: grey lines, as many as a message holds, the rest counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.views.blocks import Block, Message, context, fitting, message, paragraphs
from bot.views.i18n import Language


def quiet(said: str) -> Message:
    """One grey line: there is nothing to do."""
    return message(said, [context(said)])


def quiet_list(lang: Language, said: str, lines: Iterable[str], *, number: int, room: int = 8_000) -> Message:
    """A grey summary above grey lines, of which there are ``number``."""
    kept = fitting(lines, room)
    return message(said, [context(said), *grey(kept), *more(lang, number - len(kept))])


def grey(lines: Sequence[str]) -> list[Block]:
    return [context(text) for text in paragraphs(lines)]


def more(lang: Language, hidden: int) -> list[Block]:
    return [context(lang.count("and {n} more", "and {n} more", hidden))] if hidden > 0 else []
