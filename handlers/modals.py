"""Forms: one handler per callback id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.views.modals import (
    ADMINS_FORM,
    ASK_FORM,
    CONNECT_FORM,
    DISABLE_FORM,
    LEAVE_FORM,
    REMOVE_FORM,
    TAKE_OVER_FORM,
)
from handlers import asking, deeds, roles, switching
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
    return await deeds.connect(desk, turn, actor)


CALLBACKS: Final[Mapping[str, Route]] = {
    CONNECT_FORM: Route(connect),
    DISABLE_FORM: Route(act(deeds.disable, otherwise=deeds.disable_after_all)),
    REMOVE_FORM: Route(act(deeds.remove, otherwise=deeds.remove_after_all)),
    TAKE_OVER_FORM: Route(act(deeds.take_over, otherwise=deeds.take_over_after_all)),
    ADMINS_FORM: Route(roles.change(roles.agree)),
    LEAVE_FORM: Route(switching.leave),
    ASK_FORM: Route(asking.ask),
}


def route(asked: Asked) -> Route | None:
    """The handler for a submitted form; ``None`` for one that nobody knows (any more)."""
    return CALLBACKS.get(asked.name)
