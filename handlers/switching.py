"""To another provider: by a switch, or by disconnecting first and going on at once.

The one rule: whoever leaves a provider that no switch leads from confirms the removal in the usual words, and
everything that could stop them from going on is asked before it.
"""

from __future__ import annotations

from bot.domain.access import Actor, Deed
from bot.domain.channel import Channel, State
from bot.domain.errors import AlreadyConnected, OutOfDate
from bot.domain.ids import ChannelId
from bot.domain.picture import Removal
from bot.views.blocks import parse_value
from bot.views.buttons import Goal, parse_goal
from bot.views.modals import leave_modal, left_remark
from bot.views.words import revocation_words
from handlers import deeds
from handlers.desk import Desk
from handlers.reply import Reply, Turn, noted


async def switch(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """What a switch means, and the button that opens the browser; if it is there already, its status."""
    goal = parse_goal(turn.asked.value)
    try:
        begun = await desk.switching.begin(actor, channel.id, to=goal.key, is_shared=goal.is_shared)
    except AlreadyConnected:
        return await deeds.status_after_all(desk, turn, actor, channel)
    return deeds.consent(desk, turn, begun)


async def offer_leaving(desk: Desk, turn: Turn, actor: Actor, channel: Channel) -> Reply:
    """Ask before removing, and say what follows."""
    goal = _goal(turn)
    needs_approval = await desk.switching.check_leaving(actor, channel.id, goal.key)
    removal = await desk.channels.before_removal(actor, channel.id)
    to = (goal.key, desk.channels.label_at(goal.key, channel.address))
    return Reply(modal=leave_modal(turn.lang, removal, to=to, needs_approval=needs_approval))


async def leave(desk: Desk, turn: Turn) -> Reply:
    """The form is confirmed: remove, and begin at the other provider with what is known already. Confirmed
    twice, it is removed once."""
    target = parse_value(turn.asked.value)
    if target is None:
        raise OutOfDate
    channel_id, version = target
    actor = await desk.actor(turn, fresh=True)
    channel = await desk.channels.allowed(actor, channel_id, Deed.REMOVE)
    await desk.switching.check_leaving(actor, channel_id, _goal(turn).key)
    if channel.state is State.REMOVED:
        return await _go_on(desk, turn, actor, channel_id)
    if channel.version != version:
        return deeds.remarked(turn.lang, await offer_leaving(desk, turn, actor, channel))
    removal = await desk.channels.remove(actor, channel_id)
    desk.home.refresh(actor.id)
    return await _go_on(desk, turn, actor, channel_id, removal)


async def _go_on(
    desk: Desk, turn: Turn, actor: Actor, channel_id: ChannelId, removal: Removal | None = None
) -> Reply:
    begun = await desk.switching.begin_anew(actor, channel_id, _goal(turn).key)
    reply = deeds.consent(desk, turn, begun)
    if removal is None or reply.modal is None:
        return reply
    told = left_remark(turn.lang, removal, revocation_words(turn.lang, removal))
    return Reply(modal=noted(reply.modal, *told), then=reply.then)


def _goal(turn: Turn) -> Goal:
    goal = parse_goal(turn.asked.value)
    if not goal.key:
        raise OutOfDate
    return goal
