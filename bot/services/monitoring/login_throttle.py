"""Keeps hosts that lock people out from being asked too often, over all channels and processes.

The one rule: a login that may be refused holds one of a host's few slots, and a refused one keeps it for as
long as ``Manner.refused_within``. With none free nobody logs in there, and nothing is concluded from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import AdminActionNeeded, GrantRejected, ProviderError
from bot.domain.grant import Grant
from bot.domain.ids import UserId, WorkspaceId
from bot.services.core.ports import Core

GUESSES_OF_PERSON: Final = 10
GUESSES_AT_HOST: Final = 20
GUESSES_WITHIN: Final = timedelta(hours=1)
"""How many logins from forms may be refused within an hour: of one person, and at one host."""
_WAITS: Final = timedelta(seconds=20)
"""How long a login waits for others at its host: a host that answers nobody must not hold up everybody."""
_AT_MOST: Final = timedelta(minutes=2)
"""How long a login may hold its slot: longer than the slowest. A dead process's slot is free after that."""


@dataclass
class LoginTurn:
    """One login's turn. ``was_refused`` is told by whoever had it."""

    put_off_until: datetime | None = None
    was_refused: bool = False


class LoginThrottle:
    """Hands out turns."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queues: dict[str, asyncio.Semaphore] = {}
        """In this process those who wait for each other need not ask the database."""

    def may_follow(self, grant: Grant) -> bool:
        """Whether refused logins lock people out at this provider."""
        return self._core.providers.traits_of(grant.provider).refused_logins is not None

    @asynccontextmanager
    async def turn(self, grant: Grant) -> AsyncIterator[LoginTurn]:
        """One login at this grant's host."""
        traits = self._core.providers.traits_of(grant.provider)
        slots, host = traits.refused_logins or 1, f"{grant.provider}:{grant.identity.tenant}"
        queue = self._queues.setdefault(host, asyncio.Semaphore(slots))
        if not await _is_our_turn(queue):
            yield LoginTurn(put_off_until=self._core.clock() + _WAITS)
            return
        try:
            token, free_at = await self._take(host, slots)
            turn = LoginTurn(put_off_until=None if token else free_at)
            try:
                yield turn
            finally:
                if token is not None:
                    await self._give_back(host, token, traits.refused_within if turn.was_refused else None)
        finally:
            queue.release()

    async def _take(self, host: str, slots: int) -> tuple[str | None, datetime]:
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            token = await uow.logins.take(host, slots=slots, now=now, until=now + _AT_MOST)
            free_at = await uow.logins.free_at(host)
            await uow.commit()
        return token, max(free_at or now, now + timedelta(seconds=1))

    async def _give_back(self, host: str, token: str, keep_for: timedelta | None) -> None:
        async with self._core.storage.writing() as uow:
            if keep_for is None:
                await uow.logins.free(host, token)
            else:
                await uow.logins.keep(host, token, self._core.clock() + keep_for)
            await uow.commit()


class Guesses:
    """What people type into forms: logins that may be refused, counted over all tickets. They take slots of
    their own, so that one who mistypes does not stop the watch over others."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @asynccontextmanager
    async def turn(self, workspace_id: WorkspaceId, person: UserId, host: str) -> AsyncIterator[LoginTurn]:
        """One try. With ``put_off_until`` nobody may try now."""
        wanted = {f"form:{workspace_id}:{person}": GUESSES_OF_PERSON, f"form:at:{host}": GUESSES_AT_HOST}
        tokens, free_at = await self._take(wanted)
        turn = LoginTurn(put_off_until=free_at)
        try:
            yield turn
        finally:
            await self._give_back(tokens, is_kept=turn.was_refused)

    async def _take(self, wanted: Mapping[str, int]) -> tuple[Mapping[str, str], datetime | None]:
        now = self._core.clock()
        tokens: dict[str, str] = {}
        async with self._core.storage.writing() as uow:
            for key, slots in wanted.items():
                token = await uow.logins.take(key, slots=slots, now=now, until=now + _AT_MOST)
                if token is None:
                    free_at = await uow.logins.free_at(key)
                    return {}, max(free_at or now, now + timedelta(minutes=1))  # nothing is committed
                tokens[key] = token
            await uow.commit()
        return tokens, None

    async def _give_back(self, tokens: Mapping[str, str], *, is_kept: bool) -> None:
        if not tokens:
            return
        async with self._core.storage.writing() as uow:
            for key, token in tokens.items():
                if is_kept:
                    await uow.logins.keep(key, token, self._core.clock() + GUESSES_WITHIN)
                else:
                    await uow.logins.free(key, token)
            await uow.commit()


async def _is_our_turn(queue: asyncio.Semaphore) -> bool:
    try:
        async with asyncio.timeout(_WAITS.total_seconds()):
            return await queue.acquire()
    except TimeoutError:
        return False


def is_refused_login(error: ProviderError | None) -> bool:
    """Whether a host may count it against the account."""
    return error is not None and (error.is_counted or isinstance(error, GrantRejected | AdminActionNeeded))
