"""What the reader of an outage's message does about it; the message itself shows that it was done."""

from __future__ import annotations

from bot.domain.ids import NoticeId
from handlers.asking import said
from handlers.desk import Desk
from handlers.reply import Reply, Turn


async def claim(desk: Desk, turn: Turn) -> Reply:
    """*I'm on it*: everybody who was told sees who is."""
    actor = await desk.actor(turn, fresh=True)
    await desk.incidents.claim(actor, NoticeId(turn.asked.value))
    return await said(desk, turn)


async def snooze(desk: Desk, turn: Turn) -> Reply:
    """No reminder for this person for a while."""
    actor = await desk.actor(turn, fresh=True)
    await desk.incidents.snooze(actor, NoticeId(turn.asked.value))
    return await said(desk, turn)
