"""What providers are asked for and why, and what came of it: reads only."""

from __future__ import annotations

from bot.domain.access import Actor
from bot.domain.errors import ProviderOff
from bot.domain.ids import ChannelId
from bot.domain.view_models import LACKING_SHOWN, Ask, ChannelPermissions, PermissionsOverview
from bot.services.connections.channels import Channels
from bot.services.connections.tickets import asked_for
from bot.services.core.ports import Core


class Permissions:
    """Compares what is asked for with what was granted."""

    def __init__(self, core: Core, channels: Channels) -> None:
        self._core = core
        self._channels = channels

    async def of_channel(self, actor: Actor, channel_id: ChannelId) -> ChannelPermissions:
        """One channel's. Raises ``Gone``, ``NotAllowed``."""
        status = await self._channels.status(actor, channel_id)
        row = status.row
        return ChannelPermissions(
            row=row,
            ask=self._ask(row.channel.provider, label=row.provider_label, is_shared=bool(status.delegate)),
            granted=status.scopes,
            granted_at=status.obtained_at,
        )

    async def overview(self, actor: Actor) -> PermissionsOverview:
        """What is asked of each provider, and which channels that ``actor`` may see lack some of it."""
        lacking, number, complete = await self._channels.lacking(actor, most=LACKING_SHOWN)
        providers = self._core.providers
        return PermissionsOverview(
            asks=tuple(self._ask(key, label=providers.label_of(key)) for key in providers.keys),
            lacking=lacking,
            lacking_number=number,
            complete=complete,
        )

    def _ask(self, provider: str, *, label: str, is_shared: bool = False) -> Ask:
        features = self._core.policy.features
        here = features.at(provider, is_shared=is_shared)
        try:
            scopes = asked_for(self._core, provider, is_shared=is_shared)
        except ProviderOff:  # its client was taken away: nobody can be asked for anything
            scopes = frozenset()
        others = tuple(one for one in features.defined if one.is_on and one not in here)
        return Ask(provider_label=label, scopes=scopes, features=here, asking_nothing=others)
