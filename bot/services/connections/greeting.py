"""Says hello where an address's outages will be told: once, however often somebody tries to connect it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.domain.access import Actor
from bot.domain.address import key_of
from bot.domain.errors import CannotPostThere, PersonUnreachable, SlackError
from bot.domain.ids import ConversationId
from bot.services.core.ports import Core, Messenger, digest

STANDS_FOR: Final = timedelta(days=30)
"""Whoever begins with the address again after this long says it anew."""


class Greeting:
    """Greets conversations."""

    def __init__(self, core: Core, messenger: Messenger) -> None:
        self._core = core
        self._messenger = messenger

    async def greet(self, actor: Actor, address: str, conversation: ConversationId) -> None:
        """Post it, unless it stands there. Raises ``CannotPostThere``, and ``SlackError``s."""
        key = f"hello:{conversation}:{digest(key_of(address))}"
        if not await self._is_first(key):
            return
        try:
            await self._messenger.hello(conversation, address, actor.id, actor.person.locale)
        except SlackError as error:
            await self._forget(key)
            if isinstance(error, PersonUnreachable):
                raise CannotPostThere(conversation) from error
            raise

    async def _is_first(self, key: str) -> bool:
        # What was seen is forgotten by its instant: this one's lies ahead.
        until = self._core.clock() + STANDS_FOR
        async with self._core.storage.writing() as uow:
            is_first = await uow.seen.first_time(key, until)
            await uow.commit()
        return is_first

    async def _forget(self, key: str) -> None:
        async with self._core.storage.writing() as uow:
            await uow.seen.forget(key)
            await uow.commit()
