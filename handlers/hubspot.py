"""HubSpot's portal, where it is watched: shown, told in a conversation, and who is who there."""

from __future__ import annotations

from typing import Any

from bot.domain.access import Actor
from bot.domain.channel import Channel
from bot.domain.errors import OutOfDate
from bot.domain.ids import ConversationId
from bot.services.monitoring.hubspot import HubSpotScreens
from bot.views.blocks import Block
from bot.views.home import Elsewhere
from bot.views.hubspot import (
    both_sides,
    hubspot_message,
    in_the_list,
    only_there_message,
    pair_blocks,
    pairs_in,
    tell_modal,
)
from bot.views.modals import CONVERSATION_BLOCK
from handlers.context import Context, Interaction, Response

_BEFORE_BUTTONS = 1


def _screens(context: Context) -> HubSpotScreens:
    """Raises ``OutOfDate`` where HubSpot is not watched (any more)."""
    if context.services.hubspot is None:
        raise OutOfDate
    return context.services.hubspot


async def show(context: Context, interaction: Interaction) -> Response:
    """``/inbox hubspot``, and the button in Home."""
    actor = await context.actor(interaction)
    overview = await _screens(context).overview(actor)
    return Response(message=hubspot_message(interaction.lang, overview))


async def offer_to_tell(context: Context, interaction: Interaction) -> Response:
    """Where shall an inbox's outages be told?"""
    actor = await context.actor(interaction)
    overview = await _screens(context).overview(actor)
    inbox = next((it for it in overview.inboxes if it.inbox_id == interaction.request.value), None)
    if inbox is None:
        raise OutOfDate
    return Response(modal=tell_modal(interaction.lang, inbox))


async def tell(context: Context, interaction: Interaction) -> Response:
    """The form: the conversation is greeted first, which shows that the bot may post there."""
    actor = await context.actor(interaction, fresh=True)
    screens, inbox_id = _screens(context), interaction.request.value
    overview = await screens.overview(actor)
    inbox = next((it for it in overview.inboxes if it.inbox_id == inbox_id), None)
    if inbox is None:
        raise OutOfDate
    chosen = interaction.request.fields.get(CONVERSATION_BLOCK, "")
    conversation = ConversationId(chosen) if chosen else None
    await screens.allowed(actor)
    await context.services.connections.say_hello(actor, inbox.name, conversation)
    await screens.tell_in(actor, inbox_id, conversation)
    return await show(context, interaction)


async def pair(context: Context, actor: Actor, interaction: Interaction) -> None:
    """*Who is that in Slack?* in the dialog about admins."""
    for email, user_id in pairs_in(interaction.request.fields):
        await _screens(context).pair(actor, email, user_id)


async def unpair(context: Context, actor: Actor, interaction: Interaction) -> None:
    await _screens(context).unpair(actor, interaction.request.value)


async def people_blocks(context: Context, interaction: Interaction, actor: Actor) -> list[Block]:
    """What the dialog about admins says of HubSpot's, to those who decide."""
    if context.services.hubspot is None or not actor.is_super_admin:
        return []
    return pair_blocks(interaction.lang, (await context.services.hubspot.overview(actor)).people)


async def in_the_same_list(context: Context, interaction: Interaction, sought: str) -> Elsewhere:
    """What of HubSpot stands in the list: what is broken there, or what has the text that is sought."""
    screens = context.services.hubspot
    return in_the_list(interaction.lang, await screens.summary(sought) if screens else None)


async def only_there(
    context: Context, interaction: Interaction, address: str, *, why: bool
) -> Response | None:
    """An address that is not connected here, but is in HubSpot."""
    past = await context.services.hubspot.past(address) if context.services.hubspot else None
    if past is None:
        return None
    shown = only_there_message(interaction.lang, past, now=context.clock(), why=why)
    return Response(message=shown, replaces=True)


async def with_other_side(
    context: Context, interaction: Interaction, channel: Channel, message: dict[str, Any]
) -> dict[str, Any]:
    """What is said of an inbox here, with how the same address stands in HubSpot."""
    if context.services.hubspot is None or channel.is_personal:
        return message
    side = both_sides(interaction.lang, await context.services.hubspot.beside(channel.address))
    blocks = message["blocks"]
    return {**message, "blocks": [*blocks[:_BEFORE_BUTTONS], *side, *blocks[_BEFORE_BUTTONS:]]}
