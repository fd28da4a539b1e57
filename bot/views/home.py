"""The Home tab: the overview with its buttons, and the setup card where one is needed."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.views.blocks import HOME_BLOCKS, Block, View, actions, context, header, inert, section, to_type
from bot.views.buttons import connect_button
from bot.views.language import Language
from bot.views.listing import Room, listing, summary, to_mend
from bot.views.models import Overview
from bot.views.setup import setup_blocks

_ROOM = Room(blocks=HOME_BLOCKS - 12, characters=60_000, roomy_rows=24)
HOME_ROWS: Final = _ROOM.blocks
"""More than that are never shown."""


def home(lang: Language, overview: Overview, *, now: datetime) -> View:
    setup = setup_blocks(lang, overview.not_set_up) if overview.not_set_up else []
    return {
        "type": "home",
        "blocks": [
            *setup,
            header(lang.say("Inboxes")),
            *_intro(lang, overview),
            *_connect(lang, overview),
            *listing(lang, overview, _ROOM),
            *_foot(lang, overview, now),
        ],
    }


def _intro(lang: Language, overview: Overview) -> list[Block]:
    if not overview.tally.total:
        return [section(nothing_yet(lang, overview))]
    return [context(summary(lang, overview))] if overview.tally.total > 1 else []


def nothing_yet(lang: Language, overview: Overview) -> str:
    """What an empty overview says: how to begin, if this person can."""
    if overview.may_connect:
        return lang.say("Nothing is connected yet. Connect your inbox: it takes a minute.")
    return lang.say("Nothing is connected yet.")


def _connect(lang: Language, overview: Overview) -> list[Block]:
    if not overview.may_connect:
        return []
    return actions(connect_button(lang, primary=not overview.tally.own and to_mend(overview) is None))


def _foot(lang: Language, overview: Overview, now: datetime) -> list[Block]:
    return [context(*providers_off(lang, overview), help_hint(lang, overview.command))]


def providers_off(lang: Language, overview: Overview) -> list[str]:
    if not overview.providers_off:
        return []
    names = lang.listed(inert(label, 40) for label in overview.providers_off)
    return [lang.say("Not available yet, because no client is configured: {providers}.", providers=names)]


def help_hint(lang: Language, command: str) -> str:
    return lang.say("{command} shows all that you can do.", command=to_type(command, lang.say("help")))
