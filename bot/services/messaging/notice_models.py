"""What is true of a notice at the moment it is shown: read in the caller's unit of work, decided nowhere.

A notice about HubSpot says what is so with the portal's channels, and with those connected here, too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Final

from bot.domain.access import visibility_of
from bot.domain.address import MailRouting, key_of, shown_domain
from bot.domain.channel import ADMIN_CAUSES, Cause, Channel, Kind, State
from bot.domain.grant import MailboxIdentity
from bot.domain.hubspot import HUBSPOT, HubSpotChannel, HubSpotState, Portal, settings_url
from bot.domain.hubspot import LABEL as HUBSPOT_LABEL
from bot.domain.hubspot_models import HubSpotModel, HubSpotOutage
from bot.domain.ids import (
    ApiKeyId,
    IncidentId,
    NoticeId,
    ProviderOutageId,
    RequestId,
    UserId,
    WebhookId,
    WorkspaceId,
)
from bot.domain.incident import Incident
from bot.domain.notice import OF_HUBSPOT, OUTAGES, Notice, NoticeKind
from bot.domain.provider_outage import Proof, ProviderOutage, Struck, advice, reconnect_offered_at
from bot.domain.ticket import Link
from bot.domain.view_models import HELD_READ, HeldModel, IncidentModel, NoticeModel, Registration
from bot.services.connections.admin_consent import AdminConsents
from bot.services.connections.api_keys import programs_with_access
from bot.services.connections.revocation import removal_of
from bot.services.core.incidents import who_can_take
from bot.services.core.notifications import client_at, is_unheard, unread_of
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.monitoring.availability import Availabilities
from bot.services.monitoring.mail_routing import is_still_away, mail_shown
from bot.services.monitoring.watchdog import episode_of
from bot.services.people.admins import can_be_undone
from storage import UnitOfWork

_HOLDS_KNOWN: Final = 16
_DOMAINS_READ: Final = 20
_LINKED: Final = 80
"""No message has room for so many outages with a link; of the others it says how many there are."""
_Version = tuple[int, datetime | None, str]


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """What a mass refusal's messages say alike, and no more than they can show."""

    number: int = 0
    team_number: int = 0
    first: tuple[Channel, ...] = ()
    first_of_team: tuple[Channel, ...] = ()
    domains: tuple[str, ...] = ()
    struck: Struck | None = None
    proof: Proof | None = None


class NoticeModels:
    """Draws the present state together, for whoever shows it."""

    def __init__(self, core: Core, *, admin_consents: AdminConsents) -> None:
        self._core = core
        self._one_reads = asyncio.Lock()
        self._holds: OrderedDict[ProviderOutageId, tuple[_Version, HoldFacts]] = OrderedDict()
        self._admin_consents = admin_consents
        self._availabilities = Availabilities(core)

    async def of(self, uow: UnitOfWork, notice: Notice) -> NoticeModel | None:
        """What ``notice`` shows now; ``None`` if what it is about is no more."""
        channel = await uow.channels.find(notice.channel_id) if notice.channel_id else None
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        model = NoticeModel(
            notice=notice,
            channel=channel,
            provider_label=self._core.providers.label_for(channel.identity) if channel else "",
            locale=person.locale if person else await self._house_locale(uow, notice),
            now=self._core.clock(),
            command=self._core.policy.command,
        )
        if notice.thread_of is not None:
            model = await self._with_parent(uow, model, notice.thread_of)
        found = await NOTICES[notice.kind].load(self, uow, model)
        return await self._with_takers(uow, found) if found and notice.kind in OUTAGES else found

    async def _with_takers(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        """Whoever else was told of what this reader is on can take it from them."""
        ours = [it.incident for it in model.outages]
        incidents = [*ours, *(it.incident for it in model.hubspot.outages)] if model.hubspot else ours
        reader = model.notice.recipient
        mine = {it.id for it in incidents if it.is_open and it.claimed_by == reader}
        if not mine:
            return model
        told = await uow.notices.of_incidents(mine)
        channels = [it.channel for it in model.outages if it.incident.id in mine]
        return replace(model, takers=await who_can_take(uow, self._core, told, channels, but=reader))

    async def _about_operator(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        """A provider refuses our credentials, at inboxes that are there or at somebody's sign-in."""
        provider = model.notice.about["provider"]
        is_refused = await uow.meta.find(client_at(provider)) is not None
        is_open = is_refused or await uow.channels.has_cause(provider, Cause.OURS_BROKEN)
        label = HUBSPOT_LABEL if provider == HUBSPOT else self._core.providers.label_of(provider)
        return replace(model, provider_label=label, is_open=is_open)

    async def _about_silence(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        return await self._while_noted(uow, model, episode_of(model.notice.workspace_id))

    async def _about_groups(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        return await self._while_noted(uow, model, unread_of(model.notice.workspace_id))

    async def _while_noted(self, uow: UnitOfWork, model: NoticeModel, fact: str) -> NoticeModel:
        """It is so for as long as the fact says what the notice was written with."""
        return replace(model, is_open=await uow.meta.find(fact) == model.notice.subject)

    async def _as_it_is(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        """All that there is to say stands in the notice."""
        return model

    async def _with_webhook(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        """One that was revoked since is nobody's business any more; one that was switched off again is told
        of in another notice."""
        about = model.notice.about
        webhook = await uow.webhooks.find(WebhookId(about["webhook"]))
        if webhook is not None and model.notice.kind is NoticeKind.WEBHOOK_ORPHANED:
            is_back = await self._is_here(uow, webhook.workspace_id, webhook.created_by)
            return replace(model, webhook=webhook, is_back=is_back, is_open=not is_back)
        off_at = webhook.off_at if webhook is not None else None
        is_open = off_at is not None and off_at.isoformat() == about["at"]
        return replace(model, webhook=webhook, is_open=is_open)

    async def _with_key(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        """It needs nobody's attention once it was revoked, nor while somebody is there who looks after it."""
        key = await uow.api_keys.find(ApiKeyId(model.notice.about["key"]))
        if key is None or not key.works(model.now):
            return replace(model, api_key=key, is_open=False)
        if model.notice.kind is not NoticeKind.KEY_ORPHANED:
            return replace(model, api_key=key)
        is_back = await self._is_here(uow, key.workspace_id, key.created_by)
        return replace(model, api_key=key, is_back=is_back, is_open=not is_back)

    async def _is_here(self, uow: UnitOfWork, workspace_id: WorkspaceId, who: str) -> bool:
        """Whether they are in the workspace, as far as is known."""
        person = await uow.people.find(workspace_id, UserId(who))
        return person is not None and not person.is_deleted

    async def _with_asking_key(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        """It is theirs to answer while the key works and the inbox is theirs."""
        key = await uow.api_keys.find(ApiKeyId(model.notice.about["key"]))
        is_theirs = channel.state is not State.REMOVED and channel.owner_id == model.notice.recipient
        is_open = key is not None and key.works(model.now) and is_theirs
        return replace(model, api_key=key, is_open=is_open)

    async def _with_disowned_key(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        """Worth a look for as long as somebody may use the key."""
        key = await uow.api_keys.find(ApiKeyId(model.notice.about["key"]))
        return replace(model, api_key=key, is_open=key is not None and key.works(model.now))

    async def _with_own_outages(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        return await self._with_outages(uow, model, model.notice)

    async def _about_nobody(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        """Either a request that nobody could be asked about, or an outage."""
        about_request = await self._with_request(uow, model, field="matter")
        if about_request.request is not None:
            return about_request
        told = await uow.notices.of_incident(IncidentId(model.notice.about["matter"]))
        readers = [one for one in told if one.kind is not NoticeKind.NOBODY_TOLD]
        model = replace(model, is_heard=any(not reader.unreachable for reader in readers))
        if model.channel is None:
            return await self._about_nobody_at_hubspot(uow, model)
        return replace(model, is_open=await uow.incidents.open_of(model.channel.id) is not None)

    async def _about_nobody_at_hubspot(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        with_outages = await self._of_hubspot(uow, model)
        return with_outages if with_outages and with_outages.hubspot else None

    async def _of_hubspot(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        return await _with_hubspot(uow, self._core, model, model.notice)

    async def _of_parent(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        """A reply says nothing without what its message is about."""
        return model if model.channel or model.hubspot else None

    async def _with_role_change(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        change = await uow.roles.change(model.notice.about["change"])
        if change is None:
            return None
        roles = await roles_in(uow, self._core, change.workspace_id)
        may_undo = model.notice.recipient in {one.id for one in roles.super_admins}
        is_so = await can_be_undone(uow, change, model.now)
        return replace(model, role_change=change, may_undo=may_undo and is_so)

    async def _with_request(
        self, uow: UnitOfWork, model: NoticeModel, *, field: str = "request"
    ) -> NoticeModel:
        request = await uow.requests.find(RequestId(model.notice.about[field]))
        if request is None:
            return replace(model, is_open=False)
        return replace(
            model,
            request=request,
            app=self._admin_consents.registration_for(request),
            scopes=self._admin_consents.scopes_for(request),
            features=self._admin_consents.features_for(request),
            provider_label=self._core.providers.label_at(
                request.requested_change.provider, request.requested_change.address
            ),
            is_unheard=await is_unheard(uow, request),
            is_open=request.is_open,
        )

    async def _with_report(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        """A month's report, for as long as its reader may have it."""
        person = await uow.people.find(model.notice.workspace_id, model.notice.recipient)
        if person is None:
            return None
        reader = (await roles_in(uow, self._core, model.notice.workspace_id)).actor(person)
        month = date.fromisoformat(f"{model.notice.about['month']}-01")
        report = await self._availabilities.of_month(uow, reader, month)
        return replace(model, report=report, is_open=report.number > 0)

    async def _of_channel(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        return model

    async def _while_there(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        return replace(model, is_open=channel.state is not State.REMOVED)

    async def _with_connection(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        return await self._with_watch(uow, await self._with_lacking(uow, model, channel), channel)

    async def _with_owner(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        """It is settled once somebody has decided, or the owner is there again."""
        owner = await uow.people.find(channel.workspace_id, channel.owner_id) if channel.owner_id else None
        asked_at = model.notice.created_at or channel.since
        was_put_away = channel.state is State.DISABLED and channel.since > asked_at
        is_decided = was_put_away or channel.state is State.REMOVED or not channel.is_personal
        is_back = not is_decided and owner is not None and not owner.is_deleted
        return replace(model, is_back=is_back, is_open=not (is_decided or is_back))

    async def _with_watch(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        audience = (await roles_in(uow, self._core, channel.workspace_id)).audience(channel)
        return replace(model, is_told=model.notice.recipient in audience)

    async def _with_lacking(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        granted = await uow.grants.granted_of(channel.grant_id) if channel.grant_id else None
        if granted is None:
            return model
        return replace(model, lacking=self._core.policy.features.lacking(channel.provider, granted))

    async def _with_parent(self, uow: UnitOfWork, model: NoticeModel, parent_id: NoticeId) -> NoticeModel:
        """A reply shows what is so of the message it belongs to, and needs that message's place."""
        parent = await uow.notices.find(parent_id)
        if parent is None:
            return model
        if parent.kind in OF_HUBSPOT:
            shown = await _with_hubspot(uow, self._core, model, parent)
            return replace(shown or model, replies_to=parent.ts)
        if parent.kind is NoticeKind.HOLD:
            about = await self._with_hold(uow, replace(model, notice=parent)) or model
            return replace(about, notice=model.notice, replies_to=parent.ts)
        model = await self._with_outages(uow, model, parent)
        return replace(model, replies_to=parent.ts)

    async def _with_outages(self, uow: UnitOfWork, model: NoticeModel, notice: Notice) -> NoticeModel:
        incidents = await uow.incidents.of_notice(notice.id)
        channels = await uow.channels.by_ids([incident.channel_id for incident in incidents])
        waiting = [incident for incident in incidents if incident.is_open]
        meant = model.notice.about.get("incident")  # a reply's, of which there is no line above
        shown = [it for n, it in enumerate(waiting) if n < _LINKED or it.id == meant]
        if model.notice.kind is NoticeKind.STORM:  # which only counts
            shown = []
        links = await uow.links.of_reader(notice.recipient, [it.id for it in shown])
        known = await uow.whereabouts.by_ids([it.channel_id for it in shown])
        outages = [
            self._outage(channels[it.channel_id], it, links.get(it.id), known.get(it.channel_id))
            for it in incidents
            if it.channel_id in channels
        ]
        if len(outages) == 1:  # a list has no room for it
            [only] = outages
            app = await self._registration(uow, only.channel, only.incident)
            programs = await programs_with_access(uow, self._core, only.channel) if waiting else ()
            outages = [replace(only, app=app, programs=programs)]
        is_open = any(outage.incident.is_open for outage in outages)
        return replace(model, outages=tuple(outages), is_open=is_open)

    async def _with_hold(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        provider_outage = await uow.provider_outages.find(ProviderOutageId(model.notice.about["outage"]))
        if provider_outage is None:
            return None
        facts = await self._hold_facts(uow, provider_outage)
        company = MailboxIdentity(provider_outage.provider, "", provider_outage.tenant)
        begun_at = [model.channel.address.rpartition("@")[2]] if model.channel else []
        return replace(
            model,
            # The channel that it began with may have been switched since.
            provider_label=self._core.providers.label_for(company),
            provider_outage=provider_outage,
            held=await self._held_for(uow, model.notice, provider_outage, facts),
            struck=facts.struck,
            proof=facts.proof,
            organisation=_domains(company.organisation, facts.domains or begun_at),
            app=self._admin_consents.registration_at(provider_outage.provider),
            advice=advice(provider_outage, now=self._core.clock(), witness=self._core.policy.cadence.witness),
            is_open=provider_outage.is_open,
        )

    async def _hold_facts(self, uow: UnitOfWork, it: ProviderOutage) -> HoldFacts:
        """What all its messages say alike: read once for each change, whoever reads it and however often
        Slack puts a message off."""
        version = it.revision, it.ended_at, it.tenant
        async with self._one_reads:  # its messages are drawn side by side
            known = self._holds.get(it.id)
            if known is None or known[0] != version:
                known = self._holds[it.id] = version, await self._read_hold(uow, it)
        self._holds.move_to_end(it.id)
        while len(self._holds) > _HOLDS_KNOWN:
            self._holds.popitem(last=False)
        return known[1]

    async def _read_hold(self, uow: UnitOfWork, it: ProviderOutage) -> HoldFacts:
        if not it.is_open:
            return HoldFacts(proof=await uow.provider_outages.proof(it))
        number, of_team = await uow.provider_outages.count_held(it)
        return HoldFacts(
            number=number,
            team_number=of_team,
            first=await uow.provider_outages.first_held(it, most=HELD_READ),
            first_of_team=await uow.provider_outages.first_held(it, most=HELD_READ, kind=Kind.TEAM),
            domains=await uow.provider_outages.held_domains(it, most=_DOMAINS_READ) if it.tenant else (),
            struck=await uow.provider_outages.struck(it),
        )

    async def _held_for(
        self, uow: UnitOfWork, notice: Notice, it: ProviderOutage, facts: HoldFacts
    ) -> HeldModel:
        person = await uow.people.find(notice.workspace_id, notice.recipient) if facts.number else None
        reader = (await roles_in(uow, self._core, notice.workspace_id)).actor(person) if person else None
        visibility = visibility_of(reader) if reader else None
        if visibility is None:
            return HeldModel(facts.number, own_number=facts.team_number, own=facts.first_of_team)
        personal = await uow.provider_outages.held_of(it, visibility, most=HELD_READ)
        own = [channel for channel in personal if channel.owner_id == visibility.user_id]
        return HeldModel(
            facts.number,
            seen=facts.first if visibility.all_personal else _by_address(facts.first_of_team, personal),
            own_number=facts.team_number + len(own),
            own=_by_address(facts.first_of_team, own),
        )

    def _outage(
        self, channel: Channel, incident: Incident, link: Link | None, known: MailRouting | None
    ) -> IncidentModel:
        url = f"{self._core.policy.base_url}/l/{link.secret.reveal()}" if link else ""
        label = self._core.providers.label_for(channel.identity)
        has_left = known is not None and known.has_left and channel.kind is Kind.TEAM
        mail = mail_shown(self._core, channel, known) if known and has_left else None
        return IncidentModel(channel, incident, label, url, mail=mail)

    async def _registration(self, uow: UnitOfWork, channel: Channel, incident: Incident) -> Registration:
        if incident.cause not in ADMIN_CAUSES or not incident.is_open:
            return Registration()
        grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        is_shared = grant is not None and grant.delegate is not None
        return self._admin_consents.registration_of(channel, incident.cause, is_shared=is_shared)

    async def _house_locale(self, uow: UnitOfWork, notice: Notice) -> str:
        """A conversation reads what its first super admin would."""
        roles = await roles_in(uow, self._core, notice.workspace_id)
        return roles.super_admins[0].locale if roles.super_admins else "en-US"

    async def _with_delegate(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        """It is settled once another grant has taken its place, or that person is there again."""
        grant_id = model.notice.grant_id
        grant = await uow.grants.find(grant_id) if grant_id else None
        delegate = grant.delegate.address if grant and grant.delegate else ""
        is_theirs = channel.grant_id == grant_id
        is_back = is_theirs and await uow.people.by_email(channel.workspace_id, delegate) is not None
        return replace(model, delegate=delegate, is_back=is_back, is_open=is_theirs and not is_back)

    async def _with_mail(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        known = await uow.whereabouts.find(channel.id)
        mail = mail_shown(self._core, channel, known) if known else None
        return replace(model, mail=mail, is_open=is_still_away(model.notice, channel, known))

    async def _with_removal(self, uow: UnitOfWork, model: NoticeModel, channel: Channel) -> NoticeModel:
        notice = model.notice
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        reader = person.email if person else ""
        removal = await removal_of(uow, self._core, channel, notice.grant_id, reader=reader)
        return replace(model, removal=removal)


@dataclass(frozen=True, slots=True)
class NoticeSpec:
    """How notices of a kind are shown."""

    load: Callable[[NoticeModels, UnitOfWork, NoticeModel], Awaitable[NoticeModel | None]]
    """Adds what is true now; ``None`` if what it is about is no more."""
    only_while_open: bool = False
    """What was never shown and is over by now is never sent."""


def _channels(
    load: Callable[[NoticeModels, UnitOfWork, NoticeModel, Channel], Awaitable[NoticeModel]],
    *,
    only_while_open: bool = False,
) -> NoticeSpec:
    """Of a kind that says nothing without its channel."""

    async def loaded(models: NoticeModels, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        return await load(models, uow, model, model.channel) if model.channel else None

    return NoticeSpec(loaded, only_while_open)


_It = NoticeModels

NOTICES: Final[Mapping[NoticeKind, NoticeSpec]] = {
    NoticeKind.INCIDENT: NoticeSpec(_It._with_own_outages, only_while_open=True),
    NoticeKind.CONVERSATION: NoticeSpec(_It._with_own_outages, only_while_open=True),
    NoticeKind.HOLD: NoticeSpec(_It._with_hold, only_while_open=True),
    NoticeKind.CLAIM_TAKEN: NoticeSpec(_It._of_parent, only_while_open=True),
    NoticeKind.HANDED_OVER: NoticeSpec(_It._of_parent, only_while_open=True),
    NoticeKind.HUBSPOT: NoticeSpec(_It._of_hubspot, only_while_open=True),
    NoticeKind.HUBSPOT_CONVERSATION: NoticeSpec(_It._of_hubspot, only_while_open=True),
    NoticeKind.HUBSPOT_HOLD: NoticeSpec(_It._of_hubspot, only_while_open=True),
    NoticeKind.HUBSPOT_SAID: NoticeSpec(_It._of_hubspot, only_while_open=True),
    NoticeKind.STORM: NoticeSpec(_It._of_parent, only_while_open=True),
    NoticeKind.RELAPSE: NoticeSpec(_It._of_parent, only_while_open=True),
    NoticeKind.REMINDER: NoticeSpec(_It._of_parent, only_while_open=True),
    NoticeKind.NOBODY_TOLD: NoticeSpec(_It._about_nobody, only_while_open=True),
    NoticeKind.REQUEST: NoticeSpec(_It._with_request, only_while_open=True),
    NoticeKind.WISH: NoticeSpec(_It._with_request),
    NoticeKind.ANSWERED: NoticeSpec(_It._with_request),
    NoticeKind.REMOVED: _channels(_It._with_removal),
    NoticeKind.SWITCHED: _channels(_It._with_removal),
    NoticeKind.CONNECTED: _channels(_It._with_connection),
    NoticeKind.DISABLED: _channels(_It._of_channel),
    NoticeKind.TAKEN_OVER: _channels(_It._of_channel),
    NoticeKind.SOMEBODY_ELSE: _channels(_It._while_there, only_while_open=True),
    NoticeKind.MOVED: _channels(_It._with_mail, only_while_open=True),
    NoticeKind.OWNER_GONE: _channels(_It._with_owner, only_while_open=True),
    NoticeKind.DELEGATE_GONE: _channels(_It._with_delegate, only_while_open=True),
    NoticeKind.ROLE_CHANGED: NoticeSpec(_It._with_role_change),
    NoticeKind.OPERATOR: NoticeSpec(_It._about_operator, only_while_open=True),
    NoticeKind.SILENCE: NoticeSpec(_It._about_silence, only_while_open=True),
    NoticeKind.STORAGE: NoticeSpec(_It._as_it_is),
    NoticeKind.GROUPS: NoticeSpec(_It._about_groups, only_while_open=True),
    NoticeKind.CREDENTIAL: NoticeSpec(_It._as_it_is),
    NoticeKind.REPORT: NoticeSpec(_It._with_report, only_while_open=True),
    NoticeKind.WEBHOOK_OFF: NoticeSpec(_It._with_webhook, only_while_open=True),
    NoticeKind.WEBHOOK_ORPHANED: NoticeSpec(_It._with_webhook, only_while_open=True),
    NoticeKind.KEY_ENDS: NoticeSpec(_It._with_key, only_while_open=True),
    NoticeKind.KEY_ORPHANED: NoticeSpec(_It._with_key, only_while_open=True),
    NoticeKind.KEY_DISOWNED: _channels(_It._with_disowned_key, only_while_open=True),
    NoticeKind.KEY_ASKS: _channels(_It._with_asking_key, only_while_open=True),
}
"""What is read for each kind. How it looks stands beside the views, under the same keys."""


def is_worth_posting(model: NoticeModel) -> bool:
    """What was never shown and is over by now is never sent."""
    return model.is_open or not NOTICES[model.notice.kind].only_while_open


def _by_address(*some: Iterable[Channel]) -> tuple[Channel, ...]:
    ordered = sorted(chain(*some), key=lambda channel: key_of(channel.address))
    return tuple(ordered[:HELD_READ])


def _domains(tenant: str, domains: Iterable[str]) -> tuple[str, ...]:
    """What people call an organisation. Google's tenant is a domain; Microsoft's is a number."""
    if not tenant or "." in tenant:
        return (tenant,) if tenant else ()
    return tuple(sorted({shown_domain(domain) for domain in domains}))


_WORKS_HERE: Final = frozenset({State.CONNECTED, State.DISABLED, State.REMOVED})


async def _with_hubspot(
    uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice
) -> NoticeModel | None:
    """``model`` with what ``notice`` is about; ``None`` if that is no more."""
    portal = await uow.hubspot.portal(notice.workspace_id) or Portal(notice.workspace_id)
    match notice.kind:
        case NoticeKind.HUBSPOT_HOLD:
            shown = await _hubspot_hold(uow, core, model, notice)
        case NoticeKind.HUBSPOT_SAID:
            shown = await _hubspot_changes(uow, model, notice)
        case _:
            shown = await _hubspot_outages(uow, core, model, notice, portal)
    if shown is None or shown.hubspot is None:
        return None
    local = core.policy.hubspot_local
    inboxes = {it.inbox_id for it in shown.hubspot.channels}
    urls = {inbox: settings_url(portal, inbox, local=local) for inbox in inboxes}
    return replace(
        shown,
        provider_label=HUBSPOT_LABEL,
        hubspot=replace(shown.hubspot, urls=urls, url=settings_url(portal, local=local)),
    )


async def _hubspot_outages(
    uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice, portal: Portal
) -> NoticeModel | None:
    incidents = await uow.incidents.of_notice(notice.id)
    channels = await uow.hubspot.by_ids([it.channel_id for it in incidents])
    if not channels:
        return None
    asked = {channels[it.channel_id].address for it in incidents if it.is_open and it.channel_id in channels}
    here = await uow.channels.at_addresses(notice.workspace_id, asked)
    outages = tuple(
        _hubspot_outage(core, channels[it.channel_id], it, portal, here)
        for it in incidents
        if it.channel_id in channels
    )
    is_open = any(it.incident.is_open for it in outages)
    return replace(model, hubspot=HubSpotModel(outages=outages), is_open=is_open)


def _hubspot_outage(
    core: Core, channel: HubSpotChannel, incident: Incident, portal: Portal, here: Mapping[str, Channel]
) -> HubSpotOutage:
    ours = _in_trouble_here(here.get(channel.key)) if incident.is_open else None
    url = settings_url(portal, channel.inbox_id, local=core.policy.hubspot_local)
    label = core.providers.label_for(ours.identity) if ours else ""
    return HubSpotOutage(channel, incident, url, ours, label)


def _in_trouble_here(here: Channel | None) -> Channel | None:
    """The same team address as it is connected here, if it is in trouble: its provider says why."""
    is_theirs = here is None or here.is_personal or here.state in _WORKS_HERE
    return None if is_theirs else here


async def _hubspot_hold(
    uow: UnitOfWork, core: Core, model: NoticeModel, notice: Notice
) -> NoticeModel | None:
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


async def _hubspot_changes(uow: UnitOfWork, model: NoticeModel, notice: Notice) -> NoticeModel | None:
    channels = await uow.hubspot.told_in(notice.about["announcement"])
    if notice.is_for_conversation:
        channels = tuple(it for it in channels if it.conversation_id == notice.conversation_id)
    is_open = any(it.state is not HubSpotState.CONNECTED for it in channels)
    return replace(model, hubspot=HubSpotModel(channels=channels), is_open=is_open)
