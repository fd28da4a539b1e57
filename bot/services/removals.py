"""Both sides of a removal, as they are known now: one place, whoever shows them."""

from __future__ import annotations

from datetime import datetime

from bot.domain.address import same_address
from bot.domain.channel import Channel, State
from bot.domain.grant import SECRET_KEPT_FOR, Grant, Revocation
from bot.domain.ids import GrantId
from bot.domain.picture import Removal
from bot.services.core import Core
from storage import UnitOfWork


async def removal_of(
    uow: UnitOfWork,
    core: Core,
    channel: Channel,
    grant_id: GrantId | None,
    *,
    reader: str = "",
    counting_own: bool = False,
) -> Removal:
    """What removing means at the provider, or what became of it there. The grant decides whose side it is:
    after a switch that is no longer the channel's provider.

    ``reader`` is the e-mail address of whoever is shown it. ``counting_own`` leaves the grant itself out of
    those that share the permission: it is still in use.
    """
    grant = await uow.grants.find(grant_id) if grant_id else None
    identity = grant.identity if grant else channel.identity
    own = 1 if counting_own and grant else 0
    delegate = grant.delegate.address if grant and grant.delegate else ""
    signer = grant.signer if grant else channel.identity
    everywhere = await uow.grants.in_use(signer) - own
    elsewhere = await uow.grants.in_use_elsewhere(signer, channel.workspace_id)
    return Removal(
        channel=channel,
        revocation=grant.revocation if grant else Revocation.NOT_ASKED,
        shared_here=max(everywhere - elsewhere, 0),
        shared_elsewhere=elsewhere,
        provider_label=core.providers.label_for(identity),
        family=identity.family,
        by_hand=not core.providers.manner_of(identity.provider).revokes,
        delegate=delegate,
        is_delegate=same_address(delegate, reader),
        grant_id=grant_id,
        revocation_at=grant.revocation_at if grant else None,
        kept_until=_kept_until(grant),
        now_at=core.providers.label_for(channel.identity) if channel.state is not State.REMOVED else "",
    )


def _kept_until(grant: Grant | None) -> datetime | None:
    if grant is None or grant.secret is None or grant.retired_at is None:
        return None
    return grant.retired_at + SECRET_KEPT_FOR
