"""Keys and webhooks of programs as super admins deal with them in Slack: seen, made, revoked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.domain.access import Actor
from bot.domain.address import LONGEST
from bot.domain.api_key import ApiKey, KeyFault, KeyRefused, OwnerAnswer
from bot.domain.channel import Channel, State
from bot.domain.errors import Gone, NotAllowed
from bot.domain.features import Feature
from bot.domain.grant import Secret
from bot.domain.ids import ApiKeyId, ChannelId, WebhookId
from bot.domain.view_models import KeyRow, KeysShown, WebhookRow
from bot.domain.webhook import Webhook
from bot.services.connections.api_keys import ApiKeys, KeySpec
from bot.services.connections.webhooks import Edited, Tested, WebhookChanges, Webhooks, WebhookSpec
from bot.services.core.notifications import told_of_programs
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from storage import UnitOfWork

MOST_OFFERED: Final = 100
"""Slack's limit for what is offered to whoever types."""


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
        """What a new key may be for: what the operator has switched on."""
        return tuple(one for one in self._core.policy.features.defined if one.is_on)

    async def check(self, actor: Actor) -> None:
        """Raises ``NotAllowed``."""
        await _check(self._core, actor, "keys")

    async def overview(self, actor: Actor) -> KeysShown:
        """Those that work, the newest first. Raises ``NotAllowed``."""
        await self.check(actor)
        now = self._core.clock()
        async with self._core.storage.reading() as uow:
            found = await uow.api_keys.of_workspace(actor.workspace_id)
            working = [key for key in reversed(found) if key.works(now)]
            channels = await _channels_of(uow, working)
        rows = tuple(KeyRow(key, _named(key.channels, channels)) for key in working)
        return KeysShown(rows, over=len(found) - len(working), features=self._core.policy.features.defined)

    async def inboxes(self, actor: Actor, text: str, *, is_team_only: bool) -> tuple[Channel, ...]:
        """The first that can be chosen with ``text`` in their address or name: anybody's for a key, since
        owners are asked. Raises ``NotAllowed``."""
        await self.check(actor)
        async with self._core.storage.reading() as uow:
            return await uow.channels.sought(
                actor.workspace_id, text[:LONGEST], is_team_only=is_team_only, most=MOST_OFFERED
            )

    async def create(self, actor: Actor, spec: KeySpec) -> tuple[ApiKey, Secret]:
        """A new key, and what is shown this once. It cannot be for what is switched off: the form may be
        older than that. Raises ``NotAllowed``, ``KeyRefused``."""
        await self.check(actor)
        if off := set(spec.features) - {one.key for one in self.features}:
            raise KeyRefused(KeyFault.UNKNOWN_FEATURE, ", ".join(sorted(off)))
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

    async def disown(self, actor: Actor, key_id: ApiKeyId, channel_id: ChannelId) -> Channel:
        """The owner says that it was not them who said yes: it is taken back, and the super admins are told.
        Raises ``Gone``, ``NotAllowed``."""
        async with self._core.storage.reading() as uow:
            readers = await told_of_programs(uow, self._core, actor.workspace_id)
        return await self._keys.answer(actor, key_id, channel_id, OwnerAnswer.DECLINED, disowned_to=readers)


class ProgramWebhooks:
    """Whoever is no super admin is refused."""

    def __init__(self, core: Core, webhooks: Webhooks) -> None:
        self._core = core
        self._webhooks = webhooks

    async def check(self, actor: Actor) -> None:
        """Raises ``NotAllowed``."""
        await _check(self._core, actor, "webhooks")

    async def overview(self, actor: Actor) -> tuple[WebhookRow, ...]:
        """The newest first. Raises ``NotAllowed``."""
        await self.check(actor)
        async with self._core.storage.reading() as uow:
            found = await uow.webhooks.of_workspace(actor.workspace_id)
            channels = await _channels_of(uow, found)
            waiting = await uow.webhooks.waiting()
        return tuple(
            WebhookRow(it, _named(it.channels, channels), waiting.get(it.id, 0)) for it in reversed(found)
        )

    async def create(self, actor: Actor, spec: WebhookSpec) -> tuple[Webhook, Secret]:
        """As ``Webhooks.create``. Raises ``NotAllowed``, too."""
        await self.check(actor)
        return await self._webhooks.create(actor.workspace_id, replace(spec, created_by=actor.id))

    async def shown(self, actor: Actor, webhook_id: WebhookId) -> WebhookRow | None:
        """One, as the list has it. Raises ``NotAllowed``."""
        webhook = await self._find(actor, webhook_id)
        if webhook is None:
            return None
        async with self._core.storage.reading() as uow:
            return WebhookRow(webhook, _named(webhook.channels, await _channels_of(uow, [webhook])))

    async def edit(
        self, actor: Actor, webhook_id: WebhookId, wanted: WebhookChanges, *, seen: datetime | None
    ) -> Edited | None:
        """As ``Webhooks.edit``, if it was edited last at ``seen``. Raises ``NotAllowed``, too."""
        webhook = await self._find(actor, webhook_id)
        if webhook is None:
            return None
        drawn = replace(webhook, edited_at=seen)
        return await self._webhooks.edit(webhook.id, wanted, seen=drawn, by=actor.id)

    async def test(self, actor: Actor, webhook_id: WebhookId) -> Tested | None:
        """As ``Webhooks.test``. Raises ``NotAllowed``, too."""
        webhook = await self._find(actor, webhook_id)
        return await self._webhooks.test(webhook.id) if webhook else None

    async def rotate(
        self, actor: Actor, webhook_id: WebhookId, *, seen: datetime | None
    ) -> tuple[Webhook, Secret] | None:
        """As ``Webhooks.rotate``, if the last rotation was at ``seen``. Raises ``NotAllowed``, too."""
        webhook = await self._find(actor, webhook_id)
        if webhook is None:
            return None
        secret = await self._webhooks.rotate(webhook.id, seen=replace(webhook, rotated_at=seen), by=actor.id)
        return (webhook, secret) if secret else None

    async def revoke(self, actor: Actor, webhook_id: WebhookId) -> Webhook | None:
        """It is told nothing any more; ``None`` if there is none, or no more. Raises ``NotAllowed``."""
        webhook = await self._find(actor, webhook_id)
        return webhook if webhook and await self._webhooks.revoke(webhook.id, by=actor.id) else None

    async def _find(self, actor: Actor, webhook_id: WebhookId) -> Webhook | None:
        await self.check(actor)
        async with self._core.storage.reading() as uow:
            webhook = await uow.webhooks.find(webhook_id)
        return webhook if webhook and webhook.workspace_id == actor.workspace_id else None


async def _check(core: Core, actor: Actor, what: str) -> None:
    async with core.storage.reading() as uow:
        roles = await roles_in(uow, core, actor.workspace_id)
    supers = tuple(one.id for one in roles.super_admins)
    if actor.id not in supers:
        raise NotAllowed(what, supers)


async def _channels_of(
    uow: UnitOfWork, naming: Sequence[ApiKey] | Sequence[Webhook]
) -> Mapping[ChannelId, Channel]:
    return await uow.channels.by_ids(sorted({one for it in naming for one in it.channels}))


def _named(ids: Collection[ChannelId], channels: Mapping[ChannelId, Channel]) -> tuple[Channel, ...]:
    there = (channels[one] for one in ids if one in channels)
    return tuple(sorted((it for it in there if it.state is not State.REMOVED), key=lambda it: it.address))
