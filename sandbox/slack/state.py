"""What the local workspace remembers: people, conversations, messages, views, who has read what.

Everybody starts with the same one: Acme, its people and its conversations. Rule: every change that a person
could see ends in `Workspace.touch`, which wakes whoever waits for news.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sandbox.clock import SandboxClock

Json = dict[str, Any]
Values = dict[str, dict[str, Json]]  # block_id → action_id → what the element holds


@dataclass
class Person:
    id: str
    name: str
    real_name: str
    email: str
    locale: str = "en-US"
    tz: str = "Europe/Paris"
    tz_label: str = "Central European Time"
    tz_offset: int = 3600
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    deleted: bool = False
    updated: int = 0
    team_id: str | None = None
    """The workspace that Slack names beside the person: ours, unless something is said here; an empty text
    is left out, as Slack does for some members of an organisation."""
    teams: list[str] | None = None
    """Of an organisation: the workspaces that they belong to; ours, unless something is said here."""

    @property
    def is_human(self) -> bool:
        """Slack itself counts Slackbot as no bot; it is nobody all the same."""
        return not self.is_bot and self.id != "USLACKBOT"


@dataclass
class Conversation:
    id: str
    name: str
    members: set[str]
    with_person: str | None = None
    archived: bool = False
    private: bool = False
    """Whoever is not in it does not know that it is there."""

    @property
    def is_dm(self) -> bool:
        return self.with_person is not None

    @property
    def label(self) -> str:
        return "dm" if self.is_dm else f"#{self.name}"


@dataclass
class Message:
    ts: str
    conversation: str
    author: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    metadata: Json | None = None
    edited_ts: str | None = None
    ephemeral_to: str | None = None
    values: dict[str, Values] = field(default_factory=dict)


@dataclass
class View:
    id: str
    kind: str
    user: str
    body: Json
    hash: str
    changed_ts: str
    root_id: str
    previous_id: str | None = None
    values: Values = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    banner: str | None = None
    busy: bool = False

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.body.get("blocks", [])
        return blocks


@dataclass
class UserGroup:
    id: str
    handle: str
    name: str
    users: list[str]


class Workspace:
    """One Slack workspace, whole. Plain attributes; who may change what is decided by the callers."""

    def __init__(self, *, clock: SandboxClock, team_id: str, name: str, domain: str) -> None:
        self.clock = clock
        self.team_id = team_id
        self.name = name
        self.domain = domain
        self.people: dict[str, Person] = {}
        self.conversations: dict[str, Conversation] = {}
        self.messages: dict[str, list[Message]] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.enterprise_id = ""
        """The organisation that it belongs to, on Enterprise Grid."""
        self.last_read: dict[tuple[str, str], str] = {}
        self.revision = 0
        self._news = asyncio.Condition()
        self._last_micros = 0
        self._numbers = count(1)
        self._wakers: set[asyncio.Task[None]] = set()

    # --- time and names ---

    def next_ts(self) -> str:
        """A Slack timestamp by the sandbox clock, never twice the same."""
        micros = int(self.clock().timestamp() * 1_000_000)
        self._last_micros = max(micros, self._last_micros + 1)
        seconds, rest = divmod(self._last_micros, 1_000_000)
        return f"{seconds}.{rest:06d}"

    def next_id(self, prefix: str) -> str:
        return f"{prefix}0LOCAL{next(self._numbers):05d}"

    # --- looking things up ---

    def person(self, name_or_id: str) -> Person | None:
        """By id, user name, first name or full name; case does not matter."""
        wanted = name_or_id.strip().lstrip("@").lower()
        for person in self.people.values():
            if wanted in {person.id.lower(), person.name, person.real_name.lower()}:
                return person
        return None

    def conversation(self, label: str, *, of: str) -> Conversation | None:
        """By id, `#name`, or `dm` for the person's own conversation with the bot."""
        if label.lower() == "dm":
            return self.dm_of(of)
        for conversation in self.conversations.values():
            if conversation.id == label or (not conversation.is_dm and f"#{conversation.name}" == label):
                return conversation
        return None

    def dm_of(self, user: str) -> Conversation:
        conversation_id = f"D{user[1:]}"
        if conversation_id not in self.conversations:
            self.conversations[conversation_id] = Conversation(
                id=conversation_id, name="", members={user}, with_person=user
            )
        return self.conversations[conversation_id]

    def visible_to(self, user: str) -> list[Conversation]:
        named = [c for c in self.conversations.values() if not c.is_dm and user in c.members]
        return [*named, self.dm_of(user)]

    def thread_of(self, conversation: str, ts: str) -> list[Message]:
        return [m for m in self.messages.get(conversation, []) if ts in (m.ts, m.thread_ts)]

    def message(self, conversation: str, ts: str) -> Message | None:
        return next((m for m in self.messages.get(conversation, []) if m.ts == ts), None)

    def seen_by(self, user: str, conversation: str) -> Iterator[Message]:
        for message in self.messages.get(conversation, []):
            if message.ephemeral_to in (None, user):
                yield message

    def unread(self, user: str, conversation: str) -> int:
        read = self.last_read.get((user, conversation), "")
        return sum(1 for m in self.seen_by(user, conversation) if m.ts > read and m.author != user)

    def view(self, view_id: str) -> View | None:
        stacks = [view for stack in self.modals.values() for view in stack]
        return next((v for v in [*stacks, *self.homes.values()] if v.id == view_id), None)

    # --- changing ---

    def post(self, message: Message) -> Message:
        self.messages.setdefault(message.conversation, []).append(message)
        self.touch()
        return message

    def remove(self, message: Message) -> None:
        self.messages[message.conversation].remove(message)
        self.touch()

    def mark_read(self, user: str, conversation: str) -> bool:
        """True when there was something to read."""
        had = self.unread(user, conversation) > 0
        shown = [m.ts for m in self.seen_by(user, conversation)]
        if shown:
            self.last_read[(user, conversation)] = max(shown)
        return had

    # --- news ---

    def touch(self) -> None:
        self.revision += 1
        waker = asyncio.get_running_loop().create_task(self._wake())
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def news_since(self, revision: int, *, within: float) -> int:
        """Waits until the revision is beyond the given one, at most `within` real seconds."""
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self.revision > revision)
        except TimeoutError:
            pass
        return self.revision


_TEAM_ID = "T0ACME"
APP_ID = "A0INBOXKEEPER"
BOT_USER = "U0BOT"
BOT_ID = "B0BOT"
BOT_NAME = "Inboxkeeper"
SLACKBOT = "USLACKBOT"


def acme(clock: SandboxClock) -> Workspace:
    workspace = Workspace(clock=clock, team_id=_TEAM_ID, name="Acme", domain="acme")
    for person in _people():
        workspace.people[person.id] = person
    humans = {p.id for p in workspace.people.values() if p.is_human}
    members = {p.id for p in workspace.people.values() if p.is_human and not p.is_restricted}
    for conversation in (
        Conversation(id="C0GENERAL", name="general", members=set(humans)),
        Conversation(id="C0SUPPORT", name="support", members=set(members)),
        Conversation(id="C0SALES", name="sales", members=set(members)),
    ):
        workspace.conversations[conversation.id] = conversation
    workspace.usergroups["S0MAIL"] = UserGroup(
        id="S0MAIL", handle="mail-admins", name="Mail admins", users=["U0SAKURA", "U0OMAR"]
    )
    return workspace


def _people() -> list[Person]:
    sakura = Person(id="U0SAKURA", name="sakura", real_name="Sakura Sato", email="sakura@acme.example")
    omar = Person(id="U0OMAR", name="omar", real_name="Omar Haddad", email="omar@acme.example")
    alice = Person(id="U0ALICE", name="alice", real_name="Alice Martin", email="alice@acme.example")
    kenji = Person(id="U0KENJI", name="kenji", real_name="Kenji Mori", email="kenji@acme.example")
    gus = Person(id="U0GUS", name="gus", real_name="Gus Guest", email="gus@partner.example")
    bot = Person(id=BOT_USER, name="inboxkeeper", real_name=BOT_NAME, email="", is_bot=True)
    slackbot = Person(id=SLACKBOT, name="slackbot", real_name="Slackbot", email="")
    owner = replace(sakura, is_admin=True, is_owner=True, is_primary_owner=True)
    guest = replace(gus, is_restricted=True)
    return [_in_tokyo(owner), replace(omar, is_admin=True), alice, _in_tokyo(kenji), guest, bot, slackbot]


def _in_tokyo(person: Person) -> Person:
    return replace(
        person, locale="ja-JP", tz="Asia/Tokyo", tz_label="Japan Standard Time", tz_offset=9 * 3600
    )


def newcomer(number: int) -> Person:
    """The n-th of the people added on demand, for storms and long lists."""
    return Person(
        id=f"U1EXTRA{number:05d}",
        name=f"extra{number}",
        real_name=f"Extra Person {number}",
        email=f"extra{number}@acme.example",
    )
