"""Who is asking: Slack users as last read, and the role they hold right now.

Reads are quick and forgiving (a name or language may be a day old); a privileged click re-reads Slack
and fails closed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from bot.domain.access import Actor, Person
from bot.domain.channel import State
from bot.domain.errors import GuestNotAllowed, InboxkeeperError, Refusal, WrongWorkspace
from bot.domain.ids import UserId, WorkspaceId
from bot.domain.lifecycle import Signal
from bot.domain.workspace import Workspace
from bot.services.core import Core
from bot.services.standing import standing_of
from bot.services.steps import Steps
from bot.services.telling import Telling
from storage import StorageAway, UnitOfWork

_BELIEVED_FOR: Final = timedelta(minutes=10)
_REMEMBERED: Final = 5_000
_BATCH: Final = 500


class DirectoryAway(InboxkeeperError):
    """Slack could not be asked who somebody is."""


class GroupsClosed(Refusal):
    """The app lacks the optional scope ``usergroups:read``."""


@dataclass(frozen=True, slots=True)
class Group:
    """A Slack user group."""

    id: str
    name: str


class Directory(Protocol):
    """Slack's list of people."""

    async def person(self, user_id: UserId) -> Person | None:
        """The user, ``None`` if there is none. Raises ``DirectoryAway``."""

    async def group(self, group_id: str) -> tuple[UserId, ...]:
        """A user group's members. Raises ``DirectoryAway``, ``GroupsClosed`` without the optional scope."""

    async def groups(self) -> tuple[Group, ...]:
        """The workspace's user groups. Raises as ``group``."""

    def everybody(self) -> AsyncIterator[Person]:
        """Every user, page by page. Raises ``DirectoryAway``."""


class People:
    """Knows people and their roles."""

    def __init__(
        self, core: Core, steps: Steps, telling: Telling, directory: Directory, workspace: Workspace
    ) -> None:
        self._core = core
        self._telling = telling
        self._steps = steps
        self._directory = directory
        self._workspace = workspace
        self._memory: OrderedDict[UserId, tuple[datetime, Person]] = OrderedDict()

    @property
    def workspace_id(self) -> WorkspaceId:
        """The workspace that is served."""
        return self._workspace.id

    async def member(self, workspace_id: WorkspaceId, user_id: UserId, *, fresh: bool = False) -> Actor:
        """The person with the role they hold now.

        ``fresh`` asks Slack again, as every privileged click must. Raises ``WrongWorkspace``,
        ``GuestNotAllowed``, ``DirectoryAway`` (fail closed).
        """
        if workspace_id != self._workspace.id:
            raise WrongWorkspace
        person = await self._read(user_id, fresh=fresh)
        if person is None or person.workspace_id != self._workspace.id:
            raise WrongWorkspace
        if not person.is_active_member:
            raise GuestNotAllowed
        async with self._core.storage.reading() as uow:
            standing = await standing_of(uow, self._core, self._workspace.id)
        return standing.actor(person)

    async def locale_of(self, workspace_id: WorkspaceId, user_id: UserId) -> str:
        """The person's language. Never raises: an answer in English beats no answer."""
        if workspace_id != self._workspace.id:
            return "en-US"
        try:
            person = await self._read(user_id, fresh=False)
        except (DirectoryAway, StorageAway):
            return "en-US"
        return person.locale if person else "en-US"

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
            await self._save(uow, person)
            await uow.commit()

    async def meet(self) -> None:
        """At the first start: know who the admins are before anybody asks."""
        async with self._core.storage.reading() as uow:
            known = await uow.people.of_workspace(self._workspace.id)
        if not known:
            await self.read_all()

    async def read_all(self) -> int:
        """Read the whole workspace, as is done daily. Returns how many people there are."""
        batch: list[Person] = []
        total = 0
        async for person in self._directory.everybody():
            batch.append(person)
            if len(batch) >= _BATCH:
                total += await self._save_batch(batch)
                batch = []
        return total + await self._save_batch(batch)

    async def _save_batch(self, batch: list[Person]) -> int:
        async with self._core.storage.writing() as uow:
            for person in batch:
                await self._save(uow, person)
            await uow.commit()
        return len(batch)

    async def _save(self, uow: UnitOfWork, person: Person) -> None:
        now = self._core.clock()
        known = await uow.people.find(person.workspace_id, person.id)
        await uow.people.save(person, now)
        self._remember(person, now)
        if person.is_deleted and not (known and known.is_deleted):
            await self._orphan(uow, person)

    async def _orphan(self, uow: UnitOfWork, person: Person) -> None:
        for channel in await uow.channels.of_owner(person.workspace_id, person.id):
            if channel.state is not State.REMOVED:
                await self._steps.apply(uow, channel, Signal.OWNER_GONE)
        for grant in await uow.grants.delegated_by(person.workspace_id, person.email):
            channels = await uow.channels.by_ids([grant.channel_id] if grant.channel_id else [])
            for channel in channels.values():
                await self._telling.delegate_gone(uow, channel, grant.id, now=self._core.clock())

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
        if found is None or self._core.clock() - found[0] > _BELIEVED_FOR:
            return None
        return found[1]

    def _remember(self, person: Person, now: datetime) -> None:
        self._memory[person.id] = (now, person)
        self._memory.move_to_end(person.id)
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)
