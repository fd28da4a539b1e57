"""The answer to ``list``: the same overview as Home, within a message's smaller limits."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.views.blocks import MESSAGE_BLOCKS, Block, Message, actions, context, escape, message, section
from bot.views.buttons import connect_button
from bot.views.home import help_hint, nothing_yet, providers_off
from bot.views.language import Language
from bot.views.listing import Room, listing, summary, to_mend
from bot.views.models import Overview
from bot.views.setup import setup_blocks

_ROOM = Room(blocks=MESSAGE_BLOCKS - 10, characters=7_000, roomy_rows=12)
LIST_ROWS: Final = _ROOM.blocks
"""More than that are never shown."""


def overview_message(lang: Language, overview: Overview, *, now: datetime) -> Message:
    total = overview.tally.total
    said = summary(lang, overview) if total else nothing_yet(lang, overview)
    setup = setup_blocks(lang, overview.not_set_up) if overview.not_set_up else []
    intro = [context(said)] if total > 1 else [section(said)] if not total else []
    foot = context(*providers_off(lang, overview), help_hint(lang, overview.command))
    blocks = [*setup, *intro, *listing(lang, overview, _ROOM), *_connect(lang, overview), foot]
    return message(escape(said), blocks)


def _connect(lang: Language, overview: Overview) -> list[Block]:
    """Offered at the end, and only to those who have none of their own: this is a list, not an advert."""
    if overview.tally.own or not overview.may_connect:
        return []
    return actions(connect_button(lang, primary=to_mend(overview) is None))
