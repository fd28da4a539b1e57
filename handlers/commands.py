"""The slash command: one handler per verb. Which verb was meant is decided in ``handlers.command_parser``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.access import Actor, Operation
from bot.domain.channel import Channel
from bot.domain.errors import NotAnAddress
from bot.views.home import LIST_ROWS, overview_message
from bot.views.hubspot import with_help
from bot.views.replies import CANDIDATES, help_message, unknown_verb_message, which_address_message
from handlers import admins, channels, hubspot
from handlers import channels as granted
from handlers.channels import About, show_overview
from handlers.command_parser import WORDS, Typed, Verb, looks_like_address, shortened, understand
from handlers.context import SILENT, Context, Handler, Interaction, Response, Route, is_first


def route(text: str) -> Route:
    """The handler for what was typed."""
    typed = understand(text)
    if typed.verb is None:
        return Route(_unknown(typed))
    make, opens = VERBS[typed.verb]
    return Route(make(typed), opens)


def connect(typed: Typed) -> Handler:
    async def handler(context: Context, interaction: Interaction) -> Response:
        if typed.rest and not looks_like_address(typed.rest):
            raise NotAnAddress(shortened(typed.rest))
        actor = await context.actor(interaction)
        return Response(modal=channels.connect_form(interaction, actor, address=typed.rest))

    return handler


def overview(typed: Typed) -> Handler:
    """Everything, or what has the text that was typed in its address or name."""
    if not typed.rest:
        return show_overview

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction)
        found = await context.services.channels.matching(actor, shortened(typed.rest), most=LIST_ROWS)
        return Response(message=overview_message(interaction.lang, found, now=context.clock()), replaces=True)

    return handler


def show_admins(typed: Typed) -> Handler:
    return admins.show


def permissions(typed: Typed) -> Handler:
    """Without an address: of the only inbox there is, else what is asked of every provider."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        actor = await context.actor(interaction)
        first, number = ((typed.rest,), 1) if typed.rest else await _addresses(context, actor)
        if number != 1:
            return await granted.permissions_overview(context, interaction, actor)
        return await granted.channel_permissions(
            context, interaction, actor, await context.services.channels.find(actor, first[0])
        )

    return handler


def export(typed: Typed) -> Handler:
    return channels.export


def explain(typed: Typed) -> Handler:
    async def handler(context: Context, interaction: Interaction) -> Response:
        shown = help_message(interaction.lang, context.command)
        if context.services.hubspot is not None:
            shown = with_help(interaction.lang, shown, context.command)
        return Response(message=shown)

    return handler


def show_hubspot(typed: Typed) -> Handler:
    """A word like any other that is not known, where HubSpot is not watched."""

    async def handler(context: Context, interaction: Interaction) -> Response:
        if context.services.hubspot is None:
            return await _unknown(Typed(None, word=typed.word or "hubspot"))(context, interaction)
        return await hubspot.show(context, interaction)

    return handler


def about(operation: About, *, fresh: bool = False, once: bool = False) -> Callable[[Typed], Handler]:
    """A verb that needs an address: the one typed, or the only one there is.

    ``once`` drops a command that Slack delivers again, where doing it twice would be felt.
    """

    def make(typed: Typed) -> Handler:
        async def handler(context: Context, interaction: Interaction) -> Response:
            actor = await context.actor(interaction, fresh=fresh)
            channel = await context.services.channels.find(actor, typed.rest) if typed.rest else None
            if channel is None:
                found = await _candidates(context, actor, typed)
                if len(found) != 1:
                    return _which(context, interaction, typed, found)
                channel = found[0]
            if once and not await is_first(context, interaction):
                return SILENT
            return await operation(context, interaction, actor, channel)

        return handler

    return make


async def _addresses(context: Context, actor: Actor) -> tuple[tuple[str, ...], int]:
    """The first ones, and how many there are: of an only one it is clear what is meant."""
    return await context.services.channels.addresses(actor, most=2)


async def _candidates(context: Context, actor: Actor, typed: Typed) -> tuple[Channel, ...]:
    """What may be meant without an address."""
    operation = _OPERATIONS.get(typed.verb or Verb.STATUS, Operation.SEE)
    return await context.services.channels.candidates(actor, operation, most=CANDIDATES)


_OPERATIONS: Final = {
    Verb.DISABLE: Operation.DISABLE,
    Verb.ENABLE: Operation.ENABLE,
    Verb.REMOVE: Operation.REMOVE,
    Verb.DISCONNECT: Operation.REMOVE,
    Verb.RECONNECT: Operation.RECONNECT,
    Verb.SWITCH: Operation.SWITCH,
    Verb.EDIT: Operation.EDIT,
}


def _which(
    context: Context, interaction: Interaction, typed: Typed, candidates: tuple[Channel, ...]
) -> Response:
    assert typed.verb is not None
    shown = which_address_message(interaction.lang, typed.verb.value, candidates, context.command)
    return Response(message=shown)


def _unknown(typed: Typed) -> Handler:
    async def handler(context: Context, interaction: Interaction) -> Response:
        is_off = context.services.hubspot is None and WORDS.get(typed.nearest or "") is Verb.HUBSPOT
        nearest = None if is_off else typed.nearest
        shown = unknown_verb_message(interaction.lang, typed.word, nearest, context.command, rest=typed.rest)
        return Response(message=shown)

    return handler


VERBS: Final[Mapping[Verb, tuple[Callable[[Typed], Handler], bool]]] = {
    Verb.CONNECT: (connect, True),
    Verb.LIST: (overview, False),
    Verb.STATUS: (about(channels.show_status), False),
    Verb.DISCONNECT: (about(channels.offer_disconnect), True),
    Verb.DISABLE: (about(channels.offer_disable), True),
    Verb.ENABLE: (about(channels.enable, fresh=True, once=True), False),
    Verb.REMOVE: (about(channels.offer_remove), True),
    Verb.RECONNECT: (about(channels.reconnect, fresh=True), True),
    Verb.SWITCH: (about(channels.switch, fresh=True), True),
    Verb.EDIT: (about(channels.offer_edit), True),
    Verb.PERMISSIONS: (permissions, False),
    Verb.WHY: (about(channels.why), False),
    Verb.DRILL: (about(channels.drill, fresh=True), False),
    Verb.EXPORT: (export, False),
    Verb.ADMINS: (show_admins, True),
    Verb.HUBSPOT: (show_hubspot, False),
    Verb.HELP: (explain, False),
}
"""What each verb does, and whether it opens a modal."""
