"""Buttons: one handler per action id.

The one rule: a button names a channel and the version it was drawn for. A deed is done only on that
version; otherwise the present state is drawn instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.domain.errors import OutOfDate
from bot.domain.ids import GrantId
from bot.views import buttons, notices
from bot.views.blocks import parse_value
from bot.views.evidence import EXPORT_OPEN
from bot.views.modals import (
    ADMINS_GIVE_ACCESS,
    ADMINS_GIVE_GROUP,
    ADMINS_GIVE_SUPER,
    ADMINS_TAKE,
    CONNECT_AT_ANY,
    CONNECT_KIND,
    CONNECT_SHARED,
    CONSENT_ASK,
    CONSENT_OPEN,
    LEAVE_ANY,
    SWITCH_SHARED,
    parse_wish,
    removed_modal,
)
from bot.views.replies import removed_message
from handlers import asking, deeds, evidence, outages, permissions, roles, switching
from handlers.commands import About, is_first, show_overview
from handlers.desk import Desk, Handler, Route
from handlers.payload import Asked
from handlers.reply import SILENT, Reply, Turn


def route(asked: Asked) -> Route | None:
    """The handler for a click; ``None`` for a button that nobody knows (any more)."""
    return _LINK if asked.is_link else ACTIONS.get(asked.name)


async def _silent(desk: Desk, turn: Turn) -> Reply:
    """The button has opened an address; Slack only tells."""
    return SILENT


async def out_of_date(desk: Desk, turn: Turn) -> Reply:
    """A button of a version long gone."""
    raise OutOfDate


async def connect(desk: Desk, turn: Turn) -> Reply:
    return Reply(modal=deeds.connect_form(turn, await desk.actor(turn)))


async def choose_kind(desk: Desk, turn: Turn) -> Reply:
    """*My inbox* or *team address*: the form asks for what that kind needs."""
    return Reply(modal=deeds.redrawn_form(turn, await desk.actor(turn)))


async def connect_at(desk: Desk, turn: Turn) -> Reply:
    """The mailbox is hosted elsewhere than was found out, or is (not) a shared one."""
    wish = parse_wish(turn.asked.value)
    if wish is None:
        raise OutOfDate
    actor = await desk.actor(turn, fresh=True)
    if not await is_first(desk, turn):
        return SILENT
    return await deeds.connect_at(desk, turn, actor, wish)


async def check_again(desk: Desk, turn: Turn) -> Reply:
    """Ask the provider once more, and tell both sides as they are then."""
    actor = await desk.actor(turn, fresh=True)
    removal = await desk.channels.check_again(actor, GrantId(turn.asked.value))
    return Reply(
        message=removed_message(turn.lang, removal),
        modal=removed_modal(turn.lang, removal),
        replaces=True,
    )


def look(deed: About, *, fresh: bool = False) -> Handler:
    """A button that shows or asks something: always about the channel as it is now."""

    async def handler(desk: Desk, turn: Turn) -> Reply:
        target = parse_value(turn.asked.value)
        if target is None:
            raise OutOfDate
        actor = await desk.actor(turn, fresh=fresh)
        return await deed(desk, turn, actor, await desk.channels.by_id(actor, target[0]))

    return handler


def act(deed: About, *, otherwise: About) -> Handler:
    """A button or form that does something at once, unless the channel has changed since it was drawn."""

    async def handler(desk: Desk, turn: Turn) -> Reply:
        target = parse_value(turn.asked.value)
        if target is None:
            raise OutOfDate
        actor = await desk.actor(turn, fresh=True)
        channel = await desk.channels.by_id(actor, target[0])
        if channel.version != target[1]:
            desk.home.refresh(actor.id)
            return await otherwise(desk, turn, actor, channel)
        return await deed(desk, turn, actor, channel)

    return handler


_LINK: Final = Route(_silent)

ACTIONS: Final[Mapping[str, Route]] = {
    buttons.CONNECT: Route(connect, opens=True),
    buttons.STATUS: Route(look(deeds.show_status)),
    buttons.DISCONNECT: Route(look(deeds.offer_disconnect), opens=True),
    buttons.DISABLE: Route(look(deeds.offer_disable), opens=True),
    buttons.ENABLE: Route(act(deeds.enable, otherwise=deeds.status_after_all)),
    buttons.REMOVE: Route(look(deeds.offer_remove), opens=True),
    buttons.RECONNECT: Route(look(deeds.reconnect, fresh=True), opens=True),
    buttons.TAKE_OVER: Route(look(deeds.offer_take_over), opens=True),
    **dict.fromkeys(
        (buttons.SWITCH, *buttons.SWITCH_ANY, SWITCH_SHARED),
        Route(look(switching.switch, fresh=True), opens=True),
    ),
    **dict.fromkeys(LEAVE_ANY, Route(look(switching.offer_leaving, fresh=True), opens=True)),
    buttons.OVERVIEW: Route(show_overview),
    buttons.CHECK: Route(check_again),
    CONNECT_KIND: Route(choose_kind),
    **dict.fromkeys((*CONNECT_AT_ANY, CONNECT_SHARED), Route(connect_at)),
    CONSENT_ASK: Route(asking.ask_their_admin),
    CONSENT_OPEN: _LINK,
    EXPORT_OPEN: _LINK,
    notices.RECONNECT_LINK: _LINK,
    buttons.WHY: Route(look(evidence.why)),
    buttons.PERMISSIONS: Route(look(permissions.of_channel)),
    notices.CLAIM: Route(outages.claim),
    notices.SNOOZE: Route(outages.snooze),
    buttons.APPROVE: Route(asking.answer(approve=True)),
    buttons.DECLINE: Route(asking.answer(approve=False)),
    buttons.CANCEL: Route(asking.cancel),
    buttons.GO_ON: Route(asking.go_on, opens=True),
    ADMINS_TAKE: Route(roles.change(roles.take)),
    notices.ADMINS_UNDO: Route(outages.undo_roles),
    ADMINS_GIVE_SUPER: Route(roles.change(roles.give_super)),
    ADMINS_GIVE_ACCESS: Route(roles.change(roles.give_access)),
    ADMINS_GIVE_GROUP: Route(roles.change(roles.give_group)),
}
