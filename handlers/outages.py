"""What the reader of a message does about it; the message itself shows that it was done."""

from __future__ import annotations

from bot.domain.errors import UndoOver
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


async def undo_roles(desk: Desk, turn: Turn) -> Reply:
    """Takes a change of roles back. Pressed twice, the second click finds what the first has done."""
    actor = await desk.actor(turn, fresh=True)
    try:
        change = await desk.admins.undo(actor, turn.asked.value)
    except UndoOver as over:
        if over.undone_by != actor.id:
            raise
    else:
        desk.home.refresh(actor.id, *change.people)
    return await said(desk, turn)
