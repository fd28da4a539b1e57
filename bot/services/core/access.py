"""The one guard: load a channel for whoever wants to do something with it, or refuse."""

from __future__ import annotations

from bot.domain.access import Actor, Operation, Right, may, right
from bot.domain.channel import Channel, State
from bot.domain.errors import Gone, NotAllowed
from bot.domain.ids import ChannelId
from bot.services.core.ports import Core
from bot.services.core.roles import refuse_in_doubt, roles_in
from storage import UnitOfWork


async def present(uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
    """The channel, if there is (or was) such a one in the workspace of ``actor``. Raises ``Gone``."""
    channel = await uow.channels.find(channel_id)
    if channel is None or channel.workspace_id != actor.workspace_id:
        raise Gone("")
    return channel


async def reconnectable(uow: UnitOfWork, actor: Actor, channel_id: ChannelId) -> Channel:
    """The channel, if ``actor`` may reconnect it. Raises ``Gone``, ``NotAllowed``."""
    channel = await present(uow, actor, channel_id)
    if not may(actor, Operation.RECONNECT, channel):
        raise NotAllowed(Operation.RECONNECT.value, (channel.owner_id,) if channel.owner_id else ())
    if channel.state is State.REMOVED:
        raise Gone(channel.address)
    return channel


async def check_any_right(
    uow: UnitOfWork, core: Core, actor: Actor, operation: Operation, channel: Channel
) -> None:
    """Raises ``NotAllowed`` with who can, or ``RightsUnread``, if ``actor`` may not even ask for it."""
    if right(actor, operation, channel) is Right.NONE:
        refuse_in_doubt(actor, channel.kind, operation)
        roles = await roles_in(uow, core, channel.workspace_id)
        raise NotAllowed(operation.value, roles.who_can(operation, channel))
