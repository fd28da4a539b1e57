"""The slash command: one handler per verb. Which verb was meant is decided in ``handlers.typed``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.domain.access import Actor
from bot.domain.channel import Channel
from bot.domain.errors import NotAnAddress
from bot.views.overview import LIST_ROWS, overview_message
from bot.views.replies import help_message, unknown_verb_message, which_address_message
from handlers import deeds, evidence, roles, switching
from handlers import permissions as granted
from handlers.desk import Desk, Handler, Route
from handlers.reply import SILENT, Reply, Turn
from handlers.typed import Typed, Verb, looks_like_address, shortened, understand

About = Callable[[Desk, Turn, Actor, Channel], Awaitable[Reply]]
"""A deed about one channel."""


def route(text: str) -> Route:
    """The handler for what was typed."""
    typed = understand(text)
    if typed.verb is None:
        return Route(_unknown(typed))
    make, opens = VERBS[typed.verb]
    return Route(make(typed), opens)


def connect(typed: Typed) -> Handler:
    async def handler(desk: Desk, turn: Turn) -> Reply:
        if typed.rest and not looks_like_address(typed.rest):
            raise NotAnAddress(shortened(typed.rest))
        actor = await desk.actor(turn)
        return Reply(modal=deeds.connect_form(turn, actor, address=typed.rest))

    return handler


def overview(typed: Typed) -> Handler:
    return show_overview


async def show_overview(desk: Desk, turn: Turn) -> Reply:
    shown = await desk.channels.overview(await desk.actor(turn), most=LIST_ROWS)
    return Reply(message=overview_message(turn.lang, shown, now=desk.clock()), replaces=True)


def admins(typed: Typed) -> Handler:
    return roles.show


def permissions(typed: Typed) -> Handler:
    """Without an address: of the only inbox there is, else what is asked of every provider."""

    async def handler(desk: Desk, turn: Turn) -> Reply:
        actor = await desk.actor(turn)
        address = typed.rest or await _only_one(desk, actor)
        if not address:
            return await granted.overview(desk, turn, actor)
        return await granted.of_channel(desk, turn, actor, await desk.channels.find(actor, address))

    return handler


def export(typed: Typed) -> Handler:
    return evidence.export


def explain(typed: Typed) -> Handler:
    async def handler(desk: Desk, turn: Turn) -> Reply:
        return Reply(message=help_message(turn.lang, desk.command))

    return handler


def about(deed: About, *, fresh: bool = False, once: bool = False) -> Callable[[Typed], Handler]:
    """A verb that needs an address: the one typed, or the only one there is.

    ``once`` drops a command that Slack delivers again, where doing it twice would be felt.
    """

    def make(typed: Typed) -> Handler:
        async def handler(desk: Desk, turn: Turn) -> Reply:
            actor = await desk.actor(turn, fresh=fresh)
            address = typed.rest or await _only_one(desk, actor)
            if not address:
                return await _which(desk, turn, actor, typed)
            channel = await desk.channels.find(actor, address)
            if once and not await is_first(desk, turn):
                return SILENT
            return await deed(desk, turn, actor, channel)

        return handler

    return make


async def is_first(desk: Desk, turn: Turn) -> bool:
    """Whether this very request was not seen before. Slack delivers again what it believes lost."""
    key = turn.asked.key
    return not key or await desk.workspaces.first_time(f"{turn.asked.form.value}:{key}")


async def _only_one(desk: Desk, actor: Actor) -> str:
    addresses = await desk.channels.addresses(actor)
    return addresses[0] if len(addresses) == 1 else ""


async def _which(desk: Desk, turn: Turn, actor: Actor, typed: Typed) -> Reply:
    assert typed.verb is not None
    addresses = await desk.channels.addresses(actor)
    return Reply(message=which_address_message(turn.lang, typed.verb.value, addresses, desk.command))


def _unknown(typed: Typed) -> Handler:
    async def handler(desk: Desk, turn: Turn) -> Reply:
        shown = unknown_verb_message(turn.lang, typed.word, typed.nearest, desk.command)
        return Reply(message=shown)

    return handler


VERBS: Final[Mapping[Verb, tuple[Callable[[Typed], Handler], bool]]] = {
    Verb.CONNECT: (connect, True),
    Verb.LIST: (overview, False),
    Verb.STATUS: (about(deeds.show_status), False),
    Verb.DISCONNECT: (about(deeds.offer_disconnect), True),
    Verb.DISABLE: (about(deeds.offer_disable), True),
    Verb.ENABLE: (about(deeds.enable, fresh=True, once=True), False),
    Verb.REMOVE: (about(deeds.offer_remove), True),
    Verb.RECONNECT: (about(deeds.reconnect, fresh=True), True),
    Verb.SWITCH: (about(switching.switch, fresh=True), True),
    Verb.PERMISSIONS: (permissions, False),
    Verb.WHY: (about(evidence.why), False),
    Verb.DRILL: (about(evidence.drill, fresh=True), False),
    Verb.EXPORT: (export, False),
    Verb.ADMINS: (admins, True),
    Verb.HELP: (explain, False),
}
"""What each verb does, and whether it opens a modal."""
