"""Wishes that wait for an admin: asked, answered, taken back, gone on with.

The one rule: what became of a wish is said by the messages about it, which everybody concerned has; a
click adds words only where it could not do what it says.
"""

from __future__ import annotations

from bot.domain.errors import OutOfDate, RequestClosed
from bot.domain.ids import RequestId, TicketId
from bot.domain.request import Request, RequestState
from bot.views.modals import REASON_BLOCK, asked_modal, forwarded_modal, parse_wish
from handlers import deeds
from handlers.commands import show_overview
from handlers.desk import Desk, Handler
from handlers.payload import Surface
from handlers.reply import SILENT, Reply, Turn


async def ask(desk: Desk, turn: Turn) -> Reply:
    """The form is sent: every admin who can grant the wish is asked."""
    actor = await desk.actor(turn, fresh=True)
    wish = parse_wish(turn.asked.value)
    if wish is None:
        raise OutOfDate
    if wish.channel_id is not None:
        await desk.channels.by_id(actor, wish.channel_id)
    asked = await desk.requests.ask(actor, wish, reason=turn.asked.fields.get(REASON_BLOCK, ""))
    return Reply(modal=asked_modal(turn.lang, asked.request, asked.approvers, asked.is_new))


def answer(*, approve: bool) -> Handler:
    """An admin's yes or no. Pressed twice, the second click finds what the first has done."""

    async def handler(desk: Desk, turn: Turn) -> Reply:
        actor = await desk.actor(turn, fresh=True)
        try:
            request = await desk.requests.answer(actor, _request_id(turn), approve=approve)
        except RequestClosed as closed:
            request = closed.request
            said_no = request.state is RequestState.DECLINED
            if request.answered_by != actor.id or said_no is approve:
                raise
        desk.home.refresh(actor.id, request.requester)
        return await said(desk, turn)

    return handler


async def cancel(desk: Desk, turn: Turn) -> Reply:
    """Whoever asked takes it back."""
    actor = await desk.actor(turn, fresh=True)
    request = await desk.requests.cancel(actor, _request_id(turn))
    return await _about(desk, turn, request)


async def go_on(desk: Desk, turn: Turn) -> Reply:
    """A connect was approved: its requester sees what will be asked for."""
    actor = await desk.actor(turn, fresh=True)
    return deeds.consent(desk, turn, await desk.connecting.begin_approved(actor, _request_id(turn)))


async def ask_their_admin(desk: Desk, turn: Turn) -> Reply:
    """An organisation's admin must agree first: a message that can be forwarded is on its way."""
    actor = await desk.actor(turn, fresh=True)
    request = await desk.connecting.ask_their_admin_for(actor, TicketId(turn.asked.value))
    label = desk.channels.label_at(request.wish.provider, request.wish.address)
    return Reply(modal=forwarded_modal(turn.lang, provider_label=label))


async def said(desk: Desk, turn: Turn) -> Reply:
    """Done. The message that was clicked says so when it is redrawn; elsewhere the overview does."""
    if turn.asked.surface is Surface.MESSAGE and not turn.asked.is_ephemeral:
        return SILENT
    return await show_overview(desk, turn)


async def _about(desk: Desk, turn: Turn, request: Request) -> Reply:
    """Where the click was in an answer about a channel, that answer is drawn again."""
    is_notice = turn.asked.surface is Surface.MESSAGE and not turn.asked.is_ephemeral
    if request.wish.channel_id is None or is_notice:
        return await said(desk, turn)
    actor = await desk.actor(turn)
    channel = await desk.channels.by_id(actor, request.wish.channel_id)
    return await deeds.show_status(desk, turn, actor, channel)


def _request_id(turn: Turn) -> RequestId:
    return RequestId(turn.asked.value)
