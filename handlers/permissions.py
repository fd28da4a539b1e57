"""What is asked for and why, what was granted, and what is missing: reads only."""

from __future__ import annotations

from bot.domain.access import Actor
from bot.domain.channel import Channel
from bot.views.permissions import channel_permissions_message, permissions_message
from handlers.desk import Desk
from handlers.reply import Reply, Turn


async def of_channel(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """One inbox."""
    shown = await desk.permissions.of_channel(actor, channel.id)
    return Reply(message=channel_permissions_message(turn.lang, shown), replaces=True)


async def overview(desk: Desk, turn: Turn, actor: Actor) -> Reply:
    """Every provider, and the inboxes that somebody has to consent for again."""
    shown = await desk.permissions.overview(actor)
    return Reply(message=permissions_message(turn.lang, shown), replaces=True)
