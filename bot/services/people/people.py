"""Who is asking, and where: Slack users as last read, the role they hold now, the workspace served.

Reads are quick and forgiving (a name or language may be a day old); a privileged click re-reads Slack
and fails closed. The workspace is there, gone or back; what Slack delivers twice is done once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.access import Actor, Person, Workspace
from bot.domain.channel import Channel, HistoryEntry, State
from bot.domain.errors import (
    CursorLost,
    DirectoryAway,
    GroupsClosed,
    GuestNotAllowed,
    SlackAway,
    WrongWorkspace,
)
from bot.domain.ids import ChannelId, GrantId, JobId, UserId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.lifecycle import Signal
from bot.domain.notice import SLACK, NoticeKind
from bot.services.core.notifications import (
    Notifications,
    Operators,
    a_notice,
    about_us,
    client_at,
    told_of_programs,
)
from bot.services.core.ports import Core, Directory, new_id
from bot.services.core.roles import roles_in
from bot.services.core.transitions import Transitions
from bot.services.core.unfinished import Unfinished
from storage import StorageAway, UnitOfWork

_BELIEVED_FOR: Final = timedelta(minutes=10)
_REMEMBERED: Final = 5_000

_log = structlog.get_logger(__name__)


class People:
    """Knows people and their roles."""

    def __init__(
        self,
        core: Core,
        transitions: Transitions,
        notifications: Notifications,
        directory: Directory,
        workspace: Workspace,
    ) -> None:
        self._core = core
        self._notifications = notifications
        self._unfinished = Unfinished(core, notifications)
        self._transitions = transitions
        self._directory = directory
        self._workspace = workspace
        self._memory: OrderedDict[UserId, tuple[datetime, Person]] = OrderedDict()

    @property
    def workspace_id(self) -> WorkspaceId:
        """The workspace that is served."""
        return self._workspace.id

    async def note_first_hour(self, actor: Actor, *, rehearsed: bool = False, hides: bool = False) -> None:
        """What a super admin has done of day one, or that they want to see no more of it."""
        async with self._core.storage.writing() as uow:
            who = actor.workspace_id, actor.id
            await uow.people.note_first_hour(*who, rehearsed=rehearsed, hides=hides)
            await uow.commit()

    async def member(self, workspace_id: WorkspaceId, user_id: UserId, *, fresh: bool = False) -> Actor:
        """The person with the role they hold now.

        ``fresh`` asks Slack again, as every privileged click must: about the person, and about the user
        group, if their account access rests on one alone. Where that group cannot be read they come without
        the access, ``is_in_doubt``. Raises ``WrongWorkspace``, ``GuestNotAllowed``, ``DirectoryAway`` (fail
        closed).
        """
        if workspace_id != self._workspace.id:
            raise WrongWorkspace
        person = await self._read(user_id, fresh=fresh)
        if person is None or person.workspace_id != self._workspace.id:
            raise WrongWorkspace
        if not person.is_active_member:
            raise GuestNotAllowed
        async with self._core.storage.reading() as uow:
            roles = await roles_in(uow, self._core, self._workspace.id)
            actor = roles.actor(person)
            groups = await self._rests_on(uow, actor) if fresh else ()
        return await self._asked_again(actor, groups) if groups else actor

    async def _rests_on(self, uow: UnitOfWork, actor: Actor) -> tuple[str, ...]:
        """The user groups without which ``actor`` would have no account access."""
        if actor.is_super_admin or not actor.has_account_access:
            return ()
        if actor.id in (await uow.roles.of(actor.workspace_id)).account_access:
            return ()
        return await uow.roles.groups_of(actor.workspace_id, actor.id)

    async def _asked_again(self, actor: Actor, groups: Sequence[str]) -> Actor:
        """``actor`` as Slack's groups say now: one that names them is enough."""
        is_in_doubt = False
        for group_id in groups:
            try:
                if actor.id in await self.read_group(group_id, is_awaited=True):
                    return actor
            except (DirectoryAway, GroupsClosed) as error:
                _log.warning("a user group cannot be read", group=group_id, error=type(error).__name__)
                is_in_doubt = True
        return replace(actor, has_account_access=False, is_in_doubt=is_in_doubt)

    async def read_group(self, group_id: str, *, is_awaited: bool = False) -> tuple[UserId, ...]:
        """Read a user group's members, and keep them. Raises ``DirectoryAway``, ``GroupsClosed``."""
        members = await self._directory.group(group_id, is_awaited=is_awaited)
        async with self._core.storage.writing() as uow:
            now = self._core.clock()
            await uow.roles.set_members(self._workspace.id, group_id, members, at=now)
            await uow.commit()
        return members

    async def locale_of(self, workspace_id: WorkspaceId, user_id: UserId) -> str:
        """The person's language. Never raises: an answer in English beats no answer."""
        if workspace_id != self._workspace.id:
            return "en-US"
        try:
            person = await self._read(user_id, fresh=False)
        except (DirectoryAway, StorageAway):
            return "en-US"
        return person.locale if person else "en-US"

    def locale_at_once(self, workspace_id: WorkspaceId, user_id: UserId) -> str | None:
        """The same where nobody need be asked; else ``None``."""
        person = self._remembered(user_id) if workspace_id == self._workspace.id else None
        return person.locale if person else None

    async def name_of(self, user_id: UserId) -> str:
        """What to call somebody on a page; empty if unknown."""
        try:
            person = await self._read(user_id, fresh=False)
        except DirectoryAway:
            return ""
        return person.name if person else ""

    async def changed(self, person: Person) -> None:
        """Slack says that this person's flags, language or address have changed."""
        if person.workspace_id != self._workspace.id:
            return
        async with self._core.storage.writing() as uow:
            await self._save_all(uow, (person,))
            await uow.commit()

    async def left(self, user_id: UserId) -> None:
        """Slack says that this person belongs to other workspaces of their organisation only: what was theirs
        here is treated as if they had left Slack. News about a stranger is no news."""
        async with self._core.storage.writing() as uow:
            known = await uow.people.find(self._workspace.id, user_id)
            if known is not None and not known.is_deleted:
                await self._save_all(uow, (replace(known, is_deleted=True),))
                await uow.commit()

    async def meet(self) -> None:
        """At the first start: know who the admins are before anybody asks, at least in a workspace of one
        page."""
        async with self._core.storage.reading() as uow:
            is_known = await uow.people.knows_any(self._workspace.id)
        if not is_known:
            await self.read_all()

    async def read_all(self) -> None:
        """Read the whole workspace, as is done daily: the first page now, the others at Slack's pace, page by
        page, while everything else goes on. Raises ``DirectoryAway``."""
        await self._read_page("")

    async def read_on(self, job: Job) -> datetime | None:
        """The job ``READ_PEOPLE``: one more page, or the same one later if Slack wants to be left alone."""
        try:
            await self._read_page(job.payload["cursor"])
        except DirectoryAway as away:
            if away.retry_after is None:
                raise
            return self._core.clock() + away.retry_after
        except CursorLost:
            _log.warning("Slack has lost the place in its list of people: tomorrow it is read again")
        return None

    async def _read_page(self, cursor: str) -> None:
        page = await self._directory.page(cursor)
        async with self._core.storage.writing() as uow:
            await self._save_all(uow, page.people)
            if page.further:
                await uow.jobs.put(self._reading(page.further))
            await uow.commit()
        self._core.wake()

    def _reading(self, cursor: str) -> Job:
        lane, now = f"people:{self._workspace.id}", self._core.clock()
        return Job(
            id=JobId(new_id()),
            lane=lane,
            kind=JobKind.READ_PEOPLE,
            dedupe=lane,
            due_at=now,
            created_at=now,
            payload={"cursor": cursor},
        )

    async def _save_all(self, uow: UnitOfWork, people: Sequence[Person]) -> None:
        now = self._core.clock()
        known = await uow.people.by_ids(self._workspace.id, [person.id for person in people])
        await uow.people.save_all(people, now)
        has_news = has_other_flags = False
        for person in people:
            self._remember(person, now)
            was_deleted = person.id in known and known[person.id].is_deleted
            if person.is_deleted and not was_deleted:
                await self._orphan(uow, person)
            elif was_deleted and not person.is_deleted:
                await self._welcome_back(uow, person)
            has_news |= person.id in known and person.is_deleted is not was_deleted
            has_other_flags |= person.id in known and person.is_owner is not known[person.id].is_owner
        if has_news or has_other_flags:
            await self._unfinished.ask_anew(uow, self._workspace.id, now=now)
        if has_news:  # no click follows it: their inboxes, and what they asked for, stand in others' Homes
            await self._notifications.home_changed(uow, self._workspace.id, actor=None, now=now)

    async def _orphan(self, uow: UnitOfWork, person: Person) -> None:
        for channel in await uow.channels.of_owner(person.workspace_id, person.id):
            if channel.state is not State.REMOVED:
                await self._transitions.apply(uow, channel, Signal.OWNER_GONE)
        for grant in await uow.grants.delegated_by(person.workspace_id, person.email):
            channels = await uow.channels.by_ids([grant.channel_id] if grant.channel_id else [])
            for channel in channels.values():
                await self._delegate_gone(uow, channel, grant.id, now=self._core.clock())
        for key in await uow.api_keys.made_by(person.workspace_id, person.id):
            if key.works(self._core.clock()):
                await self._orphaned(uow, NoticeKind.KEY_ORPHANED, {"key": key.id})
        for webhook in await uow.webhooks.made_by(person.workspace_id, person.id):
            await self._orphaned(uow, NoticeKind.WEBHOOK_ORPHANED, {"webhook": webhook.id})
        await self._unfinished.end_requests_of(uow, person.workspace_id, person.id, now=self._core.clock())

    async def _orphaned(self, uow: UnitOfWork, kind: NoticeKind, what: Mapping[str, str]) -> None:
        """A program's key or webhook works on: whether it should, the super admins know."""
        now = self._core.clock()
        about = {**what, "at": now.isoformat()}
        readers = await told_of_programs(uow, self._core, self._workspace.id)
        await self._notifications.tell_all(
            uow, [about_us(self._workspace.id, it, kind, about, now) for it in readers]
        )

    async def _welcome_back(self, uow: UnitOfWork, person: Person) -> None:
        """What was asked because this person had left needs no answer any more."""
        for channel in await uow.channels.of_owner(person.workspace_id, person.id):
            if channel.state is not State.REMOVED:
                await self._owner_back(uow, channel, now=self._core.clock())
        for grant in await uow.grants.delegated_by(person.workspace_id, person.email):
            if grant.channel_id:
                await self._delegate_changed(uow, grant.channel_id, now=self._core.clock())
        for key in await uow.api_keys.made_by(person.workspace_id, person.id):
            await self._notifications.settled(uow, key.workspace_id, [NoticeKind.KEY_ORPHANED], f"{key.id}:")
        for webhook in await uow.webhooks.made_by(person.workspace_id, person.id):
            kinds = [NoticeKind.WEBHOOK_ORPHANED]
            await self._notifications.settled(uow, person.workspace_id, kinds, f"{webhook.id}:")

    async def _owner_back(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """The owner of a personal inbox is in the workspace again: whoever was asked about it sees that."""
        await uow.history.add(
            HistoryEntry(channel.workspace_id, channel.id, now, "owner_back", channel.owner_id)
        )
        await self._notifications.changed(
            uow, await uow.notices.of_channel(channel.id, NoticeKind.OWNER_GONE), now=now
        )
        # Of an outage that began meanwhile: Slack takes no message for somebody who is not there.
        await self._transitions.audience_changed(uow, channel, now=now)

    async def _delegate_gone(
        self, uow: UnitOfWork, channel: Channel, grant_id: GrantId, *, now: datetime
    ) -> None:
        """Whoever looks after a shared mailbox must know that the account which opens it will be closed."""
        await self._delegate_changed(uow, channel.id, now=now)  # told before, of one who came back since
        for reader in (await roles_in(uow, self._core, channel.workspace_id)).audience(channel):
            await self._notifications.tell(
                uow, a_notice(NoticeKind.DELEGATE_GONE, channel, reader, now, grant_id=grant_id)
            )

    async def _delegate_changed(self, uow: UnitOfWork, channel_id: ChannelId, *, now: datetime) -> None:
        """Whoever opens a shared mailbox came back, or left again: who was told sees that."""
        await self._notifications.changed(
            uow, await uow.notices.of_channel(channel_id, NoticeKind.DELEGATE_GONE), now=now
        )

    async def _read(self, user_id: UserId, *, fresh: bool) -> Person | None:
        if not fresh and (remembered := self._remembered(user_id)):
            return remembered
        if not fresh and (stored := await self._stored(user_id)):
            return stored
        person = await self._directory.person(user_id)
        if person is not None:
            await self._learn(person)
        return person

    async def _stored(self, user_id: UserId) -> Person | None:
        try:
            async with self._core.storage.reading() as uow:
                person = await uow.people.find(self._workspace.id, user_id)
        except StorageAway:
            return None
        if person is not None:
            self._remember(person, self._core.clock())
        return person

    async def _learn(self, person: Person) -> None:
        if self._remembered(person.id) == person:
            return
        self._remember(person, self._core.clock())
        if person.workspace_id == self._workspace.id:
            try:
                await self.changed(person)
            except StorageAway:
                return  # knowing who it is matters more now than writing it down

    def _remembered(self, user_id: UserId) -> Person | None:
        found = self._memory.get(user_id)
        if found is None or not timedelta() <= self._core.clock() - found[0] <= _BELIEVED_FOR:
            return None
        return found[1]

    def _remember(self, person: Person, now: datetime) -> None:
        self._memory[person.id] = (now, person)
        self._memory.move_to_end(person.id)
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)


SECRETS_OUTLIVE_IT: Final = timedelta(days=30)
"""Reinstalling within this time finds everything as it was."""
FORGOTTEN_AT_ONCE: Final = 100
"""Channels of a workspace that has left, in one transaction."""


class Workspaces:
    """Installs and uninstalls."""

    def __init__(
        self,
        core: Core,
        transitions: Transitions,
        notifications: Notifications,
        *,
        workspace: Workspace,
        is_there: Callable[[], Awaitable[bool]],
    ) -> None:
        self._core = core
        self._transitions = transitions
        self._operators = Operators(core, notifications)
        self._workspace = workspace
        self._is_there = is_there

    async def seen(self, workspace: Workspace) -> None:
        """The token works: the workspace is here (again). What was to be said meanwhile is said now."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            was_gone = await uow.workspaces.is_gone(workspace.id)
            await uow.workspaces.save_seen(workspace.id, workspace.name, workspace.bot_user_id, now)
            await uow.workspaces.mark_back(workspace.id)
            if was_gone:
                await self._transitions.tell_again(uow, workspace.id)
            await uow.commit()

    async def suspected(self, workspace_id: WorkspaceId, code: str) -> None:
        """A call was answered as if our token were dead. Believed only if asking who we are says so too.

        Raises ``SlackAway`` when it was a slip, so that the work is tried again.
        """
        if await self._is_there():
            raise SlackAway(code)
        _log.error("Slack no longer accepts our token: everything rests until it does", code=code)
        await self.gone(workspace_id)

    async def look_for(self) -> None:
        """While it is gone: see whether our token works again."""
        if await self.is_gone() and await self._is_there():
            await self.seen(self._workspace)

    async def is_gone(self) -> bool:
        """Whether the workspace that this process serves has gone."""
        async with self._core.storage.reading() as uow:
            return await uow.workspaces.is_gone(self._workspace.id)

    async def gone(self, workspace_id: WorkspaceId) -> None:
        """The bot was uninstalled or its token died: probing and messages stop, attempts are not spent."""
        async with self._core.storage.writing() as uow:
            await uow.workspaces.mark_gone(workspace_id, self._core.clock())
            await uow.commit()

    async def forget_long_gone(self) -> int:
        """Erase the secrets of workspaces that left 30 days ago. Returns how many channels that were."""
        forgotten = 0
        async with self._core.storage.reading() as uow:
            left = await uow.workspaces.gone_before(self._core.clock() - SECRETS_OUTLIVE_IT)
        for workspace_id in left:
            while many := await self._forget_some(workspace_id):
                forgotten += many
        return forgotten

    async def _forget_some(self, workspace_id: WorkspaceId) -> int:
        """A batch in a transaction of its own: nobody waits for longer than one takes."""
        async with self._core.storage.writing() as uow:
            if not await uow.workspaces.is_gone(workspace_id):
                return 0
            some = await uow.channels.some(workspace_id, limit=FORGOTTEN_AT_ONCE)
            for channel in some:
                await self._transitions.apply(uow, channel, Signal.WORKSPACE_GONE)
            await uow.commit()
        return len(some)

    async def socket_refused(self, code: str) -> None:
        """Slack gives us no Socket Mode connection for a reason that only the operator can remove. They can
        be written to all the same: that goes another way."""
        async with self._core.storage.writing() as uow:
            now = self._core.clock()
            is_news = await self._operators.socket_refused(uow, self._workspace.id, code=code, now=now)
            await uow.commit()
        if is_news:
            _log.error("Slack refuses Socket Mode: see the app's settings", code=code)

    async def socket_works(self) -> None:
        """Slack has connected us, and it lasts: what the operator was told is over."""
        async with self._core.storage.reading() as uow:
            if await uow.meta.find(client_at(SLACK)) is None:
                return
        async with self._core.storage.writing() as uow:
            await self._operators.signed_in(uow, self._workspace.id, SLACK, now=self._core.clock())
            await uow.commit()

    async def first_time(self, key: str) -> bool:
        """Whether this delivery (an event or interaction id) is new. Remembered for 24 h."""
        async with self._core.storage.writing() as uow:
            is_new = await uow.seen.first_time(key, self._core.clock())
            await uow.commit()
        return is_new
