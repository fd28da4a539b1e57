"""What is true of a notice about HubSpot at the moment it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot.domain.channel import Channel, State
from bot.domain.hubspot import HUBSPOT, LABEL, HubSpotChannel, HubSpotState, Portal, settings_url
from bot.domain.hubspot_models import HubSpotModel, HubSpotOutage
from bot.domain.ids import ProviderOutageId
from bot.domain.incident import Incident
from bot.domain.notice import Notice, NoticeKind
from bot.domain.provider_outage import reconnect_offered_at
from bot.domain.view_models import NoticeModel
from bot.services.core.ports import Core
from storage import UnitOfWork

_WORKS_HERE: Final = frozenset({State.CONNECTED, State.DISABLED, State.REMOVED})


async def with_hubspot(uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice) -> NoticeModel | None:
    """``model`` with what ``notice`` is about; ``None`` if that is no more."""
    portal = await uow.hubspot.portal(notice.workspace_id) or Portal(notice.workspace_id)
    match notice.kind:
        case NoticeKind.HUBSPOT_HOLD:
            shown = await _with_hold(uow, core, model, notice)
        case NoticeKind.HUBSPOT_SAID:
            shown = await _with_changes(uow, model, notice)
        case _:
            shown = await _with_outages(uow, core, model, notice, portal)
    if shown is None or shown.hubspot is None:
        return None
    local = core.policy.hubspot_local
    inboxes = {it.inbox_id for it in shown.hubspot.channels}
    urls = {inbox: settings_url(portal, inbox, local=local) for inbox in inboxes}
    return replace(
        shown,
        provider_label=LABEL,
        hubspot=replace(shown.hubspot, urls=urls, url=settings_url(portal, local=local)),
    )


async def _with_outages(
    uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice, portal: Portal
) -> NoticeModel | None:
    incidents = await uow.incidents.of_notice(notice.id)
    channels = await uow.hubspot.by_ids([it.channel_id for it in incidents])
    if not channels:
        return None
    asked = {channels[it.channel_id].address for it in incidents if it.is_open and it.channel_id in channels}
    here = await uow.channels.at_addresses(notice.workspace_id, asked)
    outages = tuple(
        _outage(core, channels[it.channel_id], it, portal, here)
        for it in incidents
        if it.channel_id in channels
    )
    is_open = any(it.incident.is_open for it in outages)
    return replace(model, hubspot=HubSpotModel(outages=outages), is_open=is_open)


def _outage(
    core: Core, channel: HubSpotChannel, incident: Incident, portal: Portal, here: Mapping[str, Channel]
) -> HubSpotOutage:
    ours = _ours(here.get(channel.key)) if incident.is_open else None
    url = settings_url(portal, channel.inbox_id, local=core.policy.hubspot_local)
    label = core.providers.label_for(ours.identity) if ours else ""
    return HubSpotOutage(channel, incident, url, ours, label)


def _ours(here: Channel | None) -> Channel | None:
    """The same team address as it is connected here, if it is in trouble: its provider says why."""
    is_theirs = here is None or here.is_personal or here.state in _WORKS_HERE
    return None if is_theirs else here


async def _with_hold(uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice) -> NoticeModel | None:
    outage = await uow.provider_outages.find(ProviderOutageId(notice.about["outage"]))
    if outage is None or outage.provider != HUBSPOT:
        return None
    struck = await uow.hubspot.struck_by(outage.id)
    held = tuple(it for it in struck if it.state is HubSpotState.HELD) if outage.is_open else ()
    ripe = reconnect_offered_at(outage, core.policy.cadence.witness) <= core.clock()
    known = await uow.hubspot.channels(outage.workspace_id, outage.tenant)
    total = sum(it.is_watched and it.state is not HubSpotState.GONE for it in known)
    shown = HubSpotModel(channels=held, outage=outage, struck=len(struck), may_reconnect=ripe, total=total)
    return replace(model, hubspot=shown, is_open=outage.is_open)


async def _with_changes(uow: UnitOfWork, model: NoticeModel, notice: Notice) -> NoticeModel | None:
    channels = await uow.hubspot.told_in(notice.about["announcement"])
    if notice.is_for_conversation:
        channels = tuple(it for it in channels if it.conversation_id == notice.conversation_id)
    is_open = any(it.state is not HubSpotState.CONNECTED for it in channels)
    return replace(model, hubspot=HubSpotModel(channels=channels), is_open=is_open)
