"""Keys of programs as super admins deal with them in Slack: seen, made, revoked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.access import Actor
from bot.domain.api_key import ApiKey, OwnerAnswer
from bot.domain.channel import Channel, State
from bot.domain.errors import Gone, NotAllowed
from bot.domain.features import Feature
from bot.domain.grant import Secret
from bot.domain.ids import ApiKeyId, ChannelId
from bot.domain.view_models import KeyRow, KeysShown
from bot.services.connections.api_keys import ApiKeys, KeySpec
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from storage import UnitOfWork


class ProgramKeys:
    """Whoever is no super admin is refused, but for an owner's word on their own inbox."""

    def __init__(self, core: Core, keys: ApiKeys) -> None:
        self._core = core
        self._keys = keys

    @property
    def base_url(self) -> str:
        """Where programs find us."""
        return self._core.policy.base_url

    @property
    def features(self) -> tuple[Feature, ...]:
        """What a key may be for."""
        return self._core.policy.features.defined

    async def check(self, actor: Actor) -> None:
        """Raises ``NotAllowed``."""
        async with self._core.storage.reading() as uow:
            roles = await roles_in(uow, self._core, actor.workspace_id)
        supers = tuple(one.id for one in roles.super_admins)
        if actor.id not in supers:
            raise NotAllowed("keys", supers)

    async def overview(self, actor: Actor) -> KeysShown:
        """Those that work, the newest first. Raises ``NotAllowed``."""
        await self.check(actor)
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            found = await uow.api_keys.of_workspace(actor.workspace_id)
            working = [key for key in reversed(found) if key.works(now)]
            channels = await _channels_of(uow, working)
        rows = tuple(_row(key, channels) for key in working)
        return KeysShown(rows, over=len(found) - len(working), features=self.features)

    async def create(self, actor: Actor, spec: KeySpec) -> tuple[ApiKey, Secret]:
        """A new key, and what is shown this once. Raises ``NotAllowed``, ``KeyRefused``."""
        await self.check(actor)
        return await self._keys.create(actor.workspace_id, replace(spec, created_by=actor.id))

    async def revoke(self, actor: Actor, key_id: ApiKeyId) -> ApiKey:
        """It gets nothing from now on; one that got nothing before stays so. Raises
        ``NotAllowed``, ``Gone``."""
        await self.check(actor)
        async with self._core.storage.reading() as uow:
            key = await uow.api_keys.find(key_id)
        if key is None or key.workspace_id != actor.workspace_id:
            raise Gone("")
        await self._keys.revoke(key.id, by=actor.id)
        return key

    async def answer(
        self, actor: Actor, key_id: ApiKeyId, channel_id: ChannelId, answer: OwnerAnswer
    ) -> Channel:
        """What the owner of a personal inbox says of a key that names it. Raises ``Gone``, ``NotAllowed``."""
        return await self._keys.answer(actor, key_id, channel_id, answer)


async def _channels_of(uow: UnitOfWork, keys: Sequence[ApiKey]) -> Mapping[ChannelId, Channel]:
    return await uow.channels.by_ids(sorted({one for key in keys for one in key.channels}))


def _row(key: ApiKey, channels: Mapping[ChannelId, Channel]) -> KeyRow:
    there = [channels[one] for one in key.channels if one in channels]
    named = sorted((it for it in there if it.state is not State.REMOVED), key=lambda it: it.address)
    return KeyRow(key, tuple(named))
