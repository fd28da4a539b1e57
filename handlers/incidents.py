"""What the reader of a message does about it; the message itself shows that it was done."""

from __future__ import annotations

from bot.domain.errors import UndoOver
from bot.domain.ids import NoticeId
from handlers.channels import said
from handlers.context import Context, Interaction, Response


async def claim(context: Context, interaction: Interaction) -> Response:
    """*I'm on it*: everybody who was told sees who is."""
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.claim(actor, NoticeId(interaction.request.value))
    return await said(context, interaction)


async def snooze(context: Context, interaction: Interaction) -> Response:
    """No reminder for this person for a while."""
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.snooze(actor, NoticeId(interaction.request.value))
    return await said(context, interaction)


async def undo_roles(context: Context, interaction: Interaction) -> Response:
    """Takes a change of roles back. Pressed twice, the second click finds what the first has done."""
    actor = await context.actor(interaction, fresh=True)
    try:
        change = await context.services.admins.undo(actor, interaction.request.value)
    except UndoOver as over:
        if over.undone_by != actor.id:
            raise
    else:
        context.home.refresh(actor.id, *change.people)
    return await said(context, interaction)
