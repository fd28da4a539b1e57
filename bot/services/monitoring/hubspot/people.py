"""Who hears of a HubSpot channel: those who hold a role here, and HubSpot's own super admins.

The one rule: a HubSpot user is matched with somebody in Slack by address, or by a pair made by hand; never by
name. Being a super admin there gives a notice and a link, and no right here.
"""

from __future__ import annotations

from bot.domain.address import key_of
from bot.domain.hubspot import Portal
from bot.domain.hubspot_models import HubSpotUserRow
from bot.domain.ids import UserId
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from storage import UnitOfWork


async def super_admins_of(uow: UnitOfWork, portal: Portal) -> tuple[HubSpotUserRow, ...]:
    """HubSpot's super admins, each with the person in Slack, if there is one."""
    pairs = {key_of(it.email): it.user_id for it in await uow.hubspot.pairs(portal.workspace_id)}
    rows = []
    for email in portal.super_admins:
        paired = pairs.get(key_of(email))
        found = await uow.people.by_email(portal.workspace_id, email) if paired is None else None
        rows.append(HubSpotUserRow(email, paired or (found.id if found else None), paired is not None))
    return tuple(rows)


async def audience(uow: UnitOfWork, core: Core, portal: Portal) -> tuple[UserId, ...]:
    """Who is told, each once."""
    roles = await roles_in(uow, core, portal.workspace_id)
    theirs = [it.user_id for it in await super_admins_of(uow, portal) if it.user_id is not None]
    known = await uow.people.by_ids(portal.workspace_id, theirs)
    active = [user for user in theirs if user in known and known[user].is_active_member]
    return tuple(dict.fromkeys([*roles.everybody, *active]))
