"""Requests that wait for an admin, or for an inbox's owner: asked, answered, taken back, gone on with.

The one rule: what became of a request is said by the messages about it, which everybody concerned has; a
click adds words only where it could not do what it says.
"""

from __future__ import annotations

from bot.domain.api_key import OwnerAnswer
from bot.domain.errors import OutOfDate, RequestClosed
from bot.domain.ids import RequestId, TicketId
from bot.domain.request import Request, RequestState
from bot.views.buttons import parse_key_value
from bot.views.modals import (
    REASON_BLOCK,
    answered_modal,
    asked_modal,
    decline_modal,
    forwarded_modal,
    parse_requested_change,
)
from handlers import channels, keys
from handlers.channels import said
from handlers.context import SILENT, Context, Interaction, Response
from handlers.slack_request import Surface


async def ask(context: Context, interaction: Interaction) -> Response:
    """The form is sent: every admin who can grant it is asked."""
    actor = await context.actor(interaction, fresh=True)
    requested_change = parse_requested_change(interaction.request.value)
    if requested_change is None:
        raise OutOfDate
    if requested_change.channel_id is not None:
        await context.services.channels.by_id(actor, requested_change.channel_id)
    asked = await context.services.approvals.ask(
        actor, requested_change, reason=interaction.request.fields.get(REASON_BLOCK, "")
    )
    context.home.refresh(actor.id)
    return Response(modal=asked_modal(interaction.lang, asked.request, asked.approvers, asked.is_new))


async def approve(context: Context, interaction: Interaction) -> Response:
    """An admin's yes. Pressed twice, the second click finds what the first has done."""
    request = await _answered(context, interaction, approve=True)
    if interaction.request.surface in {Surface.HOME, Surface.MODAL}:
        return Response(modal=answered_modal(interaction.lang, request))
    return await said(context, interaction)


async def offer_decline(context: Context, interaction: Interaction) -> Response:
    """The form that asks why not."""
    actor = await context.actor(interaction, fresh=True)
    request = await context.services.approvals.to_answer(actor, _request_id(interaction))
    return Response(modal=decline_modal(interaction.lang, request))


async def decline(context: Context, interaction: Interaction) -> Response:
    """An admin's no, with a reason or without. Delivered twice, the second finds what the first has done."""
    request = await _answered(context, interaction, approve=False)
    return _declined(context, interaction, request)


async def take_back(context: Context, interaction: Interaction) -> Response:
    """*Undo*, within the minute. Pressed twice, the second click finds it open again."""
    actor = await context.actor(interaction, fresh=True)
    try:
        request = await context.services.approvals.take_back(actor, _request_id(interaction))
    except RequestClosed as closed:
        if not closed.request.is_open:
            raise
        request = closed.request
    context.home.refresh(actor.id, request.requester)
    if interaction.request.surface is Surface.MODAL:
        return _declined(context, interaction, request)
    return await said(context, interaction)


def _declined(context: Context, interaction: Interaction, request: Request) -> Response:
    may_undo = request.may_take_back(interaction.request.user_id, context.clock())
    return Response(modal=answered_modal(interaction.lang, request, may_undo=may_undo))


async def _answered(context: Context, interaction: Interaction, *, approve: bool) -> Request:
    actor, reason = (
        await context.actor(interaction, fresh=True),
        interaction.request.fields.get(REASON_BLOCK, ""),
    )
    try:
        request = await context.services.approvals.answer(
            actor, _request_id(interaction), approve=approve, reason=reason
        )
    except RequestClosed as closed:
        request = closed.request
        said_no = request.state is RequestState.DECLINED
        if request.answered_by != actor.id or said_no is approve:
            raise
    context.home.refresh(actor.id, request.requester)
    return request


async def cancel(context: Context, interaction: Interaction) -> Response:
    """Whoever asked takes it back."""
    actor = await context.actor(interaction, fresh=True)
    request = await context.services.approvals.cancel(actor, _request_id(interaction))
    context.home.refresh(actor.id)
    return await _about(context, interaction, request)


async def go_on(context: Context, interaction: Interaction) -> Response:
    """A connect was approved: its requester sees what will be asked for."""
    actor = await context.actor(interaction, fresh=True)
    return channels.consent(
        context,
        interaction,
        await context.services.connections.begin_approved(actor, _request_id(interaction)),
    )


async def ask_their_admin(context: Context, interaction: Interaction) -> Response:
    """An organisation's admin must agree first: a message that can be forwarded is on its way."""
    actor = await context.actor(interaction, fresh=True)
    request = await context.services.connections.ask_their_admin_for(
        actor, TicketId(interaction.request.value)
    )
    label = context.services.channels.label_at(
        request.requested_change.provider, request.requested_change.address
    )
    return Response(modal=forwarded_modal(interaction.lang, provider_label=label))


async def _about(context: Context, interaction: Interaction, request: Request) -> Response:
    """Where the click was in an answer about a channel, that answer is drawn again."""
    is_notice = interaction.request.surface is Surface.MESSAGE and not interaction.request.is_ephemeral
    if request.requested_change.channel_id is None or is_notice:
        return await said(context, interaction)
    actor = await context.actor(interaction)
    channel = await context.services.channels.by_id(actor, request.requested_change.channel_id)
    return await channels.show_status(context, interaction, actor, channel)


# --- a program's key to somebody's own inbox


async def allow_key(context: Context, interaction: Interaction) -> Response:
    """The owner of a personal inbox says yes."""
    return await _key_answered(context, interaction, OwnerAnswer.ALLOWED)


async def decline_key(context: Context, interaction: Interaction) -> Response:
    """They say no, or take their yes back."""
    return await _key_answered(context, interaction, OwnerAnswer.DECLINED)


async def disown_key(context: Context, interaction: Interaction) -> Response:
    """It was somebody else who said yes: taken back, and told."""
    return await _key_answered(context, interaction, OwnerAnswer.DECLINED, is_disowned=True)


async def _key_answered(
    context: Context, interaction: Interaction, answer: OwnerAnswer, *, is_disowned: bool = False
) -> Response:
    """The message that was clicked says it when it is redrawn; in an inbox's details they are drawn anew."""
    target = parse_key_value(interaction.request.value)
    if target is None:
        raise OutOfDate
    actor = await context.actor(interaction, fresh=True)
    service = keys.service(context)
    if is_disowned:
        channel = await service.disown(actor, *target)
    else:
        channel = await service.answer(actor, *target, answer)
    if interaction.request.surface is Surface.MESSAGE and not interaction.request.is_ephemeral:
        return SILENT
    return await channels.show_status(context, interaction, actor, channel)


def _request_id(interaction: Interaction) -> RequestId:
    return RequestId(interaction.request.value)
