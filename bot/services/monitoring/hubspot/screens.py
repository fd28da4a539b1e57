"""What the screens show of the portal, and the two things people decide about it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.access import Actor
from bot.domain.errors import NotAllowed, OutOfDate
from bot.domain.hubspot import HubSpotInbox, HubSpotState, Pair, Portal, settings_url
from bot.domain.hubspot_models import BothSides, HubSpotOverview, HubSpotSummary
from bot.domain.ids import ConversationId, UserId, WorkspaceId
from bot.domain.incident import Incident
from bot.domain.notice import NoticeKind
from bot.domain.view_models import HubSpotHistory, Told
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.monitoring.hubspot.people import super_admins_of
from storage import UnitOfWork

_RECORDS = 40
_BROKEN = frozenset({HubSpotState.HELD, HubSpotState.DISCONNECTED})


class HubSpotScreens:
    """Reads for everybody who may see team addresses; lets those who hold a role decide whom it tells."""

    def __init__(self, core: Core, workspace_id: WorkspaceId) -> None:
        self._core = core
        self._workspace_id = workspace_id

    async def overview(self, actor: Actor) -> HubSpotOverview:
        """The portal on one screen."""
        async with self._core.storage.reading() as uow:
            portal = await self._portal(uow)
            inboxes = await uow.hubspot.inboxes(portal.workspace_id, portal.portal_id)
            channels = await uow.hubspot.channels(portal.workspace_id, portal.portal_id)
            incidents = await uow.incidents.open_among([it.id for it in channels])
            people = await super_admins_of(uow, portal)
            pairs = await uow.hubspot.pairs(portal.workspace_id)
        return HubSpotOverview(
            portal=portal,
            inboxes=inboxes,
            channels=channels,
            people=people,
            pairs=pairs,
            urls=self._urls(portal, inboxes),
            url=settings_url(portal, local=self._core.policy.hubspot_local),
            may_change=actor.is_super_admin or actor.has_account_access,
            claimed=_claims(incidents.values()),
        )

    async def summary(self, sought: str = "") -> HubSpotSummary | None:
        """What Home and the list say; nothing before the first look. ``sought``: a part of the addresses or
        names that somebody looks for."""
        async with self._core.storage.reading() as uow:
            portal = await uow.hubspot.portal(self._workspace_id)
            if portal is None:
                return None
            channels = await uow.hubspot.channels(portal.workspace_id, portal.portal_id)
            broken = tuple(it for it in channels if it.state in _BROKEN and it.is_watched)
            incidents = await uow.incidents.open_among([it.id for it in broken])
        text, local = sought.casefold(), self._core.policy.hubspot_local
        found = tuple(it for it in channels if text in f"{it.address}\n{it.name}".casefold())
        inboxes = {it.inbox_id for it in (found if sought else broken)}
        return HubSpotSummary(
            works=sum(it.state is HubSpotState.CONNECTED and it.is_watched for it in channels),
            broken=broken,
            looked_at=portal.looked_at,
            trouble=portal.trouble,
            url=settings_url(portal, local=local),
            urls={inbox: settings_url(portal, inbox, local=local) for inbox in inboxes},
            claimed=_claims(incidents.values()),
            found=found if sought else None,
        )

    async def past(self, address: str) -> HubSpotHistory | None:
        """An address in HubSpot with what was seen of it and whom that was told; ``None`` if it is not
        there."""
        side = await self.beside(address)
        if side is None:
            return None
        async with self._core.storage.reading() as uow:
            records = await uow.history.of_channel(side.channel.id, _RECORDS)
            incident = await uow.incidents.latest_of(side.channel.id)
            notices = await uow.notices.of_incident(incident.id) if incident else ()
        told = tuple(Told.by(one) for one in notices if one.kind is NoticeKind.HUBSPOT)
        return HubSpotHistory(side, tuple(records), incident, told)

    async def beside(self, address: str) -> BothSides | None:
        """How an address stands in HubSpot, for whoever looks at it here."""
        async with self._core.storage.reading() as uow:
            channel = await uow.hubspot.at_address(self._workspace_id, address)
            if channel is None:
                return None
            portal = await self._portal(uow)
        local = self._core.policy.hubspot_local
        return BothSides(channel, settings_url(portal, channel.inbox_id, local=local))

    # --- decided here

    async def allowed(self, actor: Actor) -> None:
        """Raises ``NotAllowed`` unless ``actor`` decides where outages are told."""
        async with self._core.storage.reading() as uow:
            await self._allowed(uow, actor, is_for_both=True)

    async def tell_in(self, actor: Actor, inbox_id: str, conversation: ConversationId | None) -> None:
        """Tell an inbox's outages in a conversation, too. Raises ``NotAllowed``, ``OutOfDate``."""
        async with self._core.storage.writing() as uow:
            await self._allowed(uow, actor, is_for_both=True)
            portal = await self._portal(uow)
            known = await uow.hubspot.tell_in(self._workspace_id, portal.portal_id, inbox_id, conversation)
            if not known:
                raise OutOfDate
            await uow.commit()

    async def pair(self, actor: Actor, email: str, user_id: UserId) -> None:
        """This HubSpot super admin is that person in Slack. Raises ``NotAllowed``, ``OutOfDate``."""
        now = self._core.clock()
        async with self._core.storage.writing() as uow:
            await self._allowed(uow, actor, is_for_both=False)
            portal = await self._portal(uow)
            person = await uow.people.find(self._workspace_id, user_id)
            if email not in portal.super_admins or person is None or not person.is_active_member:
                raise OutOfDate
            await uow.hubspot.pair(self._workspace_id, Pair(email, user_id, actor.id, now))
            await uow.commit()

    async def unpair(self, actor: Actor, email: str) -> None:
        """Raises ``NotAllowed``."""
        async with self._core.storage.writing() as uow:
            await self._allowed(uow, actor, is_for_both=False)
            await uow.hubspot.unpair(self._workspace_id, email)
            await uow.commit()

    async def _allowed(self, uow: UnitOfWork, actor: Actor, *, is_for_both: bool) -> None:
        if actor.is_super_admin or (is_for_both and actor.has_account_access):
            return
        roles = await roles_in(uow, self._core, actor.workspace_id)
        raise NotAllowed("admins", tuple(one.id for one in roles.super_admins))

    async def _portal(self, uow: UnitOfWork) -> Portal:
        return await uow.hubspot.portal(self._workspace_id) or Portal(self._workspace_id)

    def _urls(self, portal: Portal, inboxes: Iterable[HubSpotInbox]) -> Mapping[str, str]:
        local = self._core.policy.hubspot_local
        return {it.inbox_id: settings_url(portal, it.inbox_id, local=local) for it in inboxes}


def _claims(incidents: Iterable[Incident]) -> Mapping[str, tuple[UserId, datetime]]:
    """Who is on it, by channel."""
    return {
        it.channel_id: (it.claimed_by, it.claimed_at) for it in incidents if it.claimed_by and it.claimed_at
    }
