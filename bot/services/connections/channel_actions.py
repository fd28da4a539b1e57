"""What people do with a channel that exists: disable, enable, remove, take over, edit, check again.

Each is done in one unit of work, by somebody who may; if somebody else was first, once more from the read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bot.domain.access import (
    Actor,
    Operation,
    Right,
    right,
)
from bot.domain.address import plain_words
from bot.domain.channel import Channel, HistoryEntry, InboxSpec, Kind, State
from bot.domain.errors import Gone, NeedsApproval, NotAllowed, ReconnectFirst
from bot.domain.grant import Grant
from bot.domain.ids import ChannelId, ConversationId, GrantId, UserId, WorkspaceId
from bot.domain.lifecycle import Signal, TransitionRefused
from bot.domain.notice import NoticeKind
from bot.domain.probe_policy import Probe
from bot.domain.request import RequestedChange
from bot.domain.view_models import (
    Removal,
)
from bot.services.connections.revocation import Revocations, removal_of
from bot.services.core.grants import Retirement
from bot.services.core.notifications import Notifications, a_notice, done_by
from bot.services.core.ports import Core
from bot.services.core.roles import present, refuse_in_doubt, roles_in
from bot.services.core.transitions import Transitions
from bot.services.monitoring.monitor import Monitoring
from storage import Conflict, UnitOfWork

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TeamDetails:
    """What people say of an address: its use; of a team's its name, too, and the conversation to tell."""

    name: str = ""
    use: str = ""
    conversation_id: ConversationId | None = None


class ChannelActions:
    """What changes a channel without a browser (with one: ``bot.services.connections.connect``)."""

    def __init__(
        self,
        core: Core,
        *,
        transitions: Transitions,
        notifications: Notifications,
        monitoring: Monitoring,
        revocations: Revocations,
    ) -> None:
        self._core = core
        self._transitions = transitions
        self._notifications = notifications
        self._retirement = Retirement(core, notifications)
        self._monitoring = monitoring
        self._revocations = revocations

    async def before_removal(self, actor: Actor, channel_id: ChannelId) -> Removal:
        """What removing would mean at the provider. Changes nothing."""
        async with self._core.storage.reading() as uow:
            channel = await channel_for(uow, self._core, actor, channel_id, Operation.REMOVE)
            return await removal_of(
                uow, self._core, channel, channel.grant_id, reader=actor.person.email, counting_own=True
            )

    async def disable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        """Stop using the channel and keep its grant. Disabling twice is the same as once."""
        return await self._do(actor, channel_id, Operation.DISABLE, Signal.DISABLE_ASKED)

    async def enable(self, actor: Actor, channel_id: ChannelId) -> Channel:
        """Use the channel again and look at once whether it works. Returns it as it is then.

        Raises ``ReconnectFirst`` if the provider is known to refuse the grant.
        """

        async def once() -> tuple[Probe, ...]:
            async with self._core.storage.writing() as uow:
                channel = await self._step(uow, actor, channel_id, Operation.ENABLE, Signal.ENABLE_ASKED)
                checking = channel.state is State.IMPAIRED
                # Claimed with the step: the engine, woken by it, would be faster than this answer.
                claimed = await self._monitoring.claim(uow, channel.id) if checking else ()
                await uow.commit()
                return claimed

        await self._monitoring.work_off(await retried(once), is_awaited=True)
        async with self._core.storage.reading() as uow:
            return await channel_for(uow, self._core, actor, channel_id, Operation.SEE)

    async def remove(self, actor: Actor, channel_id: ChannelId) -> Removal:
        """Forget the channel here, whatever the provider does, and ask the provider to forget us.

        Waits a moment for the provider's answer; if it takes longer, the message tells it later.
        """
        async with self._core.storage.reading() as uow:
            before = await channel_for(uow, self._core, actor, channel_id, Operation.REMOVE)
            grant_id = before.grant_id or await uow.grants.latest_of(before.id)
        channel = await self._do(actor, channel_id, Operation.REMOVE, Signal.REMOVE_ASKED)
        if grant_id is not None:
            await self._revocations.hurry(grant_id)
        async with self._core.storage.reading() as uow:
            return await removal_of(uow, self._core, channel, grant_id, reader=actor.person.email)

    async def take_over(self, actor: Actor, channel_id: ChannelId, details: TeamDetails) -> Channel:
        """Make a personal inbox a team address, keeping grant and history; its owner is told."""

        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                channel = await channel_for(uow, self._core, actor, channel_id, Operation.TAKE_OVER)
                taken = replace(
                    channel,
                    kind=Kind.TEAM,
                    owner_id=None,
                    name=details.name,
                    use=details.use or channel.use,
                    conversation_id=details.conversation_id,
                )
                saved, now = await uow.channels.save(taken), self._core.clock()
                await self._taken_over(uow, channel, saved, actor=actor.id, now=now)
                await self._transitions.audience_changed(uow, saved, now=now)
                await self._transitions.seen(uow, channel, saved)
                await uow.commit()
                return saved

        taken = await retried(once)
        self._core.wake()
        return taken

    async def _taken_over(
        self, uow: UnitOfWork, before: Channel, after: Channel, *, actor: UserId, now: datetime
    ) -> None:
        """Its history says who did it, and its owner is told. Nobody is asked any more what programs may."""
        was = {"owner": before.owner_id or ""}
        asked = await uow.notices.of_channel(after.id, NoticeKind.KEY_ASKS)
        await self._notifications.changed(uow, asked, now=now)
        await uow.history.add(HistoryEntry(after.workspace_id, after.id, now, "taken_over", actor, was))
        if before.owner_id and before.owner_id != actor:
            about = done_by(actor, now)
            notice = a_notice(NoticeKind.TAKEN_OVER, after, before.owner_id, now, about=about)
            await self._notifications.tell(uow, notice)

    async def edit(self, actor: Actor, channel_id: ChannelId, details: TeamDetails) -> Channel:
        """Change what was said of it; a personal inbox has only a use. What is told of an open outage says it
        at once, and a new conversation is told, too. Nothing new changes nothing."""

        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                channel = await channel_for(uow, self._core, actor, channel_id, Operation.EDIT)
                changed = edited(channel, details)
                if not (what := _difference(channel, changed)):
                    return channel
                saved, now = await uow.channels.save(changed), self._core.clock()
                about = {"changed": " ".join(what)}
                await uow.history.add(
                    HistoryEntry(saved.workspace_id, saved.id, now, "edited", actor.id, about)
                )
                await self._transitions.audience_changed(uow, saved, now=now)
                await uow.commit()
                return saved

        saved = await retried(once)
        self._core.wake()
        return saved

    async def check_again(self, actor: Actor, grant_id: GrantId) -> Removal:
        """Ask the provider once more whether the access is gone."""
        async with self._core.storage.writing() as uow:
            grant = await uow.grants.find(grant_id)
            channel = await self._channel_of(uow, actor, grant)
            if grant is not None and grant.secret is not None:
                await self._retirement.ask_revocation(uow, grant, now=self._core.clock(), by_person=True)
            await uow.commit()
        await self._revocations.hurry(grant_id)
        async with self._core.storage.reading() as uow:
            return await removal_of(uow, self._core, channel, grant_id, reader=actor.person.email)

    async def _do(self, actor: Actor, channel_id: ChannelId, operation: Operation, signal: Signal) -> Channel:
        async def once() -> Channel:
            async with self._core.storage.writing() as uow:
                after = await self._step(uow, actor, channel_id, operation, signal)
                await uow.commit()
                return after

        return await retried(once)

    async def _step(
        self, uow: UnitOfWork, actor: Actor, channel_id: ChannelId, operation: Operation, signal: Signal
    ) -> Channel:
        channel = await channel_for(uow, self._core, actor, channel_id, operation)
        try:
            return await self._transitions.apply(uow, channel, signal, actor=actor.id)
        except TransitionRefused:
            raise _refusal(channel) from None

    async def _channel_of(self, uow: UnitOfWork, actor: Actor, grant: Grant | None) -> Channel:
        if grant is None or grant.channel_id is None:
            raise Gone("")
        channel = await uow.channels.find(grant.channel_id)
        if channel is None or not _same_workspace(actor, channel):
            raise Gone(grant.address)
        await check(uow, self._core, actor, Operation.SEE, channel)  # looking changes nothing, here or there
        return channel


async def channel_for(
    uow: UnitOfWork, core: Core, actor: Actor, channel_id: ChannelId, operation: Operation
) -> Channel:
    """The channel, if ``actor`` may do this to it at once. Raises as ``check``, and ``Gone``."""
    channel = await present(uow, actor, channel_id)
    await check(uow, core, actor, operation, channel)
    if channel.state is State.REMOVED and operation is not Operation.REMOVE:
        raise Gone(channel.address)
    return channel


async def check(uow: UnitOfWork, core: Core, actor: Actor, operation: Operation, channel: Channel) -> None:
    """Raises ``NeedsApproval`` if an admin must agree first, else ``NotAllowed`` with who can."""
    how_far = right(actor, operation, channel)
    if how_far is Right.AT_ONCE:
        return
    refuse_in_doubt(actor, channel.kind, operation)
    roles = await roles_in(uow, core, channel.workspace_id)
    if how_far is Right.ON_REQUEST:
        requested_change = RequestedChange(operation, InboxSpec(channel.address, channel.kind), channel.id)
        raise NeedsApproval(requested_change, who_can=roles.approvers(channel.kind, operation))
    raise NotAllowed(operation.value, roles.who_can(operation, channel))


def edited(channel: Channel, details: TeamDetails) -> Channel:
    """The channel as these details describe it."""
    use = plain_words(details.use)
    if channel.is_personal:
        return replace(channel, use=use)
    # A team address is always called something.
    name = plain_words(details.name) or channel.name
    return replace(channel, name=name, use=use, conversation_id=details.conversation_id)


def _difference(before: Channel, after: Channel) -> tuple[str, ...]:
    """Which of the settings differ: never what they are, which nobody could make us forget again."""
    settings = {
        "name": before.name != after.name,
        "use": before.use != after.use,
        "conversation": before.conversation_id != after.conversation_id,
    }
    return tuple(name for name, differs in settings.items() if differs)


def _same_workspace(actor: Actor, channel: Channel) -> bool:
    return channel.workspace_id == WorkspaceId(actor.workspace_id)


def _refusal(channel: Channel) -> Exception:
    if channel.state is State.REMOVED:
        return Gone(channel.address)
    return ReconnectFirst(channel)


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """Do ``work``; if somebody else was first, once more from the read. The second ``Conflict`` is raised."""
    try:
        return await work()
    except Conflict:
        return await work()
