"""What the reader of a message does about it; the message itself shows that it was done."""

from __future__ import annotations

from bot.domain.errors import OutOfDate, UndoOver
from bot.domain.ids import NoticeId
from bot.views.messages import parse_hand_over, parse_snooze
from handlers.channels import said
from handlers.context import Context, Interaction, Response


async def claim(context: Context, interaction: Interaction) -> Response:
    """*I'm on it*: everybody who was told sees who is."""
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.claim(actor, NoticeId(interaction.request.value))
    return await said(context, interaction)


async def hand_back(context: Context, interaction: Interaction) -> Response:
    """*Not me after all*: everybody who was told sees that nobody is on it."""
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.hand_back(actor, NoticeId(interaction.request.value))
    return await said(context, interaction)


async def hand_over(context: Context, interaction: Interaction) -> Response:
    """*Hand over to…*: somebody else who was told is on it now, and hears so."""
    actor = await context.actor(interaction, fresh=True)
    to, notice_id = parse_hand_over(interaction.request.value)
    await context.services.incidents.hand_over(actor, notice_id, to)
    return await said(context, interaction)


async def snooze(context: Context, interaction: Interaction) -> Response:
    """No reminder for this person for as long as they choose."""
    chosen = parse_snooze(interaction.request.value)
    if chosen is None:
        raise OutOfDate
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.snooze(actor, chosen[1], chosen[0])
    return await said(context, interaction)


async def wake(context: Context, interaction: Interaction) -> Response:
    """Reminders again."""
    actor = await context.actor(interaction, fresh=True)
    await context.services.incidents.snooze(actor, NoticeId(interaction.request.value), None)
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
