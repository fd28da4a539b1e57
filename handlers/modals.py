"""Forms: one handler per callback id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.views.modals import ADDRESS_BLOCK, CONNECT_FORM, DISABLE_FORM, REMOVE_FORM
from handlers import deeds
from handlers.actions import act
from handlers.commands import is_first
from handlers.desk import Desk, Route
from handlers.payload import Asked
from handlers.reply import SILENT, Reply, Turn


async def connect(desk: Desk, turn: Turn) -> Reply:
    """The address is typed: show what will be asked for. Delivered again, it mints no second ticket."""
    actor = await desk.actor(turn, fresh=True)
    if not await is_first(desk, turn):
        return SILENT
    begun = await desk.connecting.begin(actor, turn.asked.fields.get(ADDRESS_BLOCK, ""))
    return deeds.consent(desk, turn, begun)


CALLBACKS: Final[Mapping[str, Route]] = {
    CONNECT_FORM: Route(connect),
    DISABLE_FORM: Route(act(deeds.disable, otherwise=deeds.disable_after_all)),
    REMOVE_FORM: Route(act(deeds.remove, otherwise=deeds.remove_after_all)),
}


def route(asked: Asked) -> Route | None:
    """The handler for a submitted form; ``None`` for one that nobody knows (any more)."""
    return CALLBACKS.get(asked.name)
