"""``kill -9`` inside a test: at a chosen commit or outside call a process stops for good, and whatever of it
is still under way keeps nothing and says nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.domain.features import Feature
from bot.domain.grant import Grant, Revocation
from bot.domain.ids import ConversationId, UserId
from bot.domain.notice import EditRoom, Posted
from bot.domain.ticket import Ticket, TicketOutcome
from bot.domain.view_models import NoticeModel
from bot.services.core.ports import Messenger
from providers.base import Authorization, Consent, Evidence, Onward, Provider, RefreshedGrant, Renew
from storage import Storage, UnitOfWork

T = TypeVar("T")


class Killed(BaseException):
    """The process dies here: no ``except`` of ours catches it."""


@dataclass
class Fate:
    """When a process dies. Its steps are its commits and its calls to Slack and to mail hosts."""

    steps: list[str] = field(default_factory=list)
    """Those that it has begun."""
    is_dead: bool = False
    _at: str = ""
    _left: int | None = None
    _after: bool = False

    def dooms(self, *, in_steps: int, after: bool, at: str = "") -> None:
        """It dies at the ``in_steps``-th step from now (0: the next), or at the so-many-th of those called
        ``at``: before that is done, or ``after``."""
        self._at, self._left, self._after = at, in_steps, after

    @property
    def is_doomed(self) -> bool:
        return self._left is not None

    async def step(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, unless that is more than was granted."""
        self._live_on()
        self.steps.append(what)
        is_meant = self._left is not None and self._at in {"", what}
        self.is_dead = is_last = is_meant and self._left == 0
        if self._left is not None and is_meant:
            self._left -= 1
        if is_last and not self._after:
            raise Killed
        result = await work()
        self._live_on()
        return result

    def _live_on(self) -> None:
        if self.is_dead:
            raise Killed

    # --- what a process is given

    def storage_class(self) -> type[Storage]:
        """A database whose commits are steps."""
        fate = self

        class Mortal(Storage):
            @asynccontextmanager
            async def writing(self) -> AsyncIterator[UnitOfWork]:
                async with super().writing() as uow:
                    yield _MortalUnit(uow, fate)

        return Mortal

    def messenger(self, inner: Messenger) -> Messenger:
        return _MortalMessenger(inner, self)

    def provider(self, inner: Provider) -> Provider:
        return _MortalProvider(inner, self)


class _MortalUnit(UnitOfWork):
    def __init__(self, inner: UnitOfWork, fate: Fate) -> None:
        super().__init__(inner.connection)
        self._fate = fate

    async def commit(self) -> None:
        await self._fate.step("commit", super().commit)


class _MortalMessenger:
    def __init__(self, inner: Messenger, fate: Fate) -> None:
        self._inner = inner
        self._step = fate.step

    async def is_there(self) -> bool:
        return await self._step("is_there", self._inner.is_there)

    async def open_dm(self, user_id: UserId) -> ConversationId:
        return await self._step("open_dm", lambda: self._inner.open_dm(user_id))

    async def post(self, to: ConversationId | UserId, picture: NoticeModel, *, nonce: str) -> Posted:
        return await self._step("post", lambda: self._inner.post(to, picture, nonce=nonce))

    async def edit(self, conversation: ConversationId, ts: str, picture: NoticeModel) -> None:
        await self._step("edit", lambda: self._inner.edit(conversation, ts, picture))

    def wait_to_post(self) -> timedelta:
        return self._inner.wait_to_post()

    def room_for_edits(self) -> EditRoom:
        return self._inner.room_for_edits()

    async def find(
        self, conversation: ConversationId, nonce: str, *, since: datetime, thread: str | None
    ) -> str | None:
        return await self._step(
            "find", lambda: self._inner.find(conversation, nonce, since=since, thread=thread)
        )

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        await self._step("hello", lambda: self._inner.hello(conversation, address, actor, locale))

    async def show_outcome(
        self,
        view_id: str,
        outcome: TicketOutcome,
        *,
        provider_label: str,
        may_ask_admin: bool,
        lacking: tuple[Feature, ...],
    ) -> None:
        def show() -> Awaitable[None]:
            return self._inner.show_outcome(
                view_id, outcome, provider_label=provider_label, may_ask_admin=may_ask_admin, lacking=lacking
            )

        await self._step("show_outcome", show)

    async def show_expired(self, view_id: str, ticket: Ticket) -> None:
        await self._step("show_expired", lambda: self._inner.show_expired(view_id, ticket))


class _MortalProvider:
    def __init__(self, inner: Provider, fate: Fate) -> None:
        self._inner = inner
        self._step = fate.step
        self.key, self.label, self.needed_scopes = inner.key, inner.label, inner.needed_scopes
        self.shared_scopes = inner.shared_scopes
        self.traits, self.app_id = inner.traits, inner.app_id

    def approval_url(self, *how: Any, **more: Any) -> str:
        return self._inner.approval_url(*how, **more)

    async def begin(self, consent: Consent) -> Onward:
        return await self._inner.begin(consent)

    async def redeem(self, consent: Consent, callback: Mapping[str, str]) -> Authorization:
        return await self._step("redeem", lambda: self._inner.redeem(consent, callback))

    async def refresh(self, grant: Grant, *, claims: str = "") -> RefreshedGrant:
        return await self._step("refresh", lambda: self._inner.refresh(grant, claims=claims))

    async def probe(self, grant: Grant, fresh: RefreshedGrant, renew: Renew | None = None) -> Evidence:
        return await self._inner.probe(grant, fresh, renew)

    async def revoke(self, grant: Grant, renew: Renew | None = None) -> Revocation:
        return await self._step("revoke", lambda: self._inner.revoke(grant, renew))
