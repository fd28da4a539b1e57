"""*Why*, the fire drill, and the way to the history's file: reads only."""

from __future__ import annotations

from bot.domain.access import Actor
from bot.domain.channel import Channel
from bot.views.evidence import drill_message, export_message, why_message
from handlers.desk import Desk
from handlers.reply import Reply, Turn


async def why(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """What was seen, what followed, whom we told."""
    evidence = await desk.evidences.why(actor, channel.id)
    return Reply(message=why_message(turn.lang, evidence, now=desk.clock()), replaces=True)


async def drill(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Who would be told, and in which words."""
    rehearsal = await desk.evidences.drill(actor, channel.id)
    return Reply(message=drill_message(turn.lang, rehearsal, now=desk.clock(), command=desk.command))


async def export(desk: Desk, turn: Turn) -> Reply:
    """A link to the file, for whoever asked only."""
    offer = await desk.exporting.begin(await desk.actor(turn, fresh=True))
    return Reply(message=export_message(turn.lang, url=offer.url, until=offer.expires_at))
