"""What is true of a notice at the moment it is shown: read in the caller's unit of work, decided nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.domain.access import Operation, may
from bot.domain.address import shown_domain
from bot.domain.channel import ADMIN_CAUSES, Cause, Channel, State
from bot.domain.grant import MailboxIdentity
from bot.domain.ids import NoticeId, ProviderOutageId, RequestId
from bot.domain.incident import Incident
from bot.domain.notice import Notice, NoticeKind
from bot.domain.provider_outage import advice, is_held
from bot.domain.ticket import Link
from bot.domain.view_models import IncidentModel, NoticeModel, Registration
from bot.services.connections.admin_consent import AdminConsents
from bot.services.connections.revocation import removal_of
from bot.services.core.notifications import Notifications, client_at, unread_of
from bot.services.core.ports import Core
from bot.services.core.roles import roles_in
from bot.services.monitoring.mail_routing import is_still_away, mail_of, mail_shown
from bot.services.monitoring.watchdog import episode_of
from bot.services.people.admins import can_be_undone
from storage import UnitOfWork


class NoticeModels:
    """Draws the present state together, for whoever shows it."""

    def __init__(self, core: Core, *, notifications: Notifications, admin_consents: AdminConsents) -> None:
        self._core = core
        self._notifications = notifications
        self._admin_consents = admin_consents

    async def of(  # noqa: PLR0911  one return per kind reads best
        self, uow: UnitOfWork, notice: Notice
    ) -> NoticeModel | None:
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
        match notice.kind:
            case NoticeKind.INCIDENT | NoticeKind.CONVERSATION:
                return await self._with_outages(uow, model, notice)
            case NoticeKind.HOLD:
                return await self._with_hold(uow, model)
            case NoticeKind.REQUEST | NoticeKind.WISH | NoticeKind.ANSWERED:
                return await self._with_request(uow, model)
            case NoticeKind.OPERATOR | NoticeKind.SILENCE | NoticeKind.STORAGE | NoticeKind.GROUPS:
                return await self._about_us(uow, model)
            case NoticeKind.ROLE_CHANGED:
                return await self._with_role_change(uow, model)
            case NoticeKind.NOBODY_TOLD:
                model = await self._with_request(uow, model)
                if model.request is not None:
                    return model
        return await self._about_channel(uow, model, channel) if channel else None

    async def _about_us(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        """What is wrong with the bot itself: it does not probe, cannot read user groups, or a provider
        refuses its credentials, at inboxes that are there or at somebody's sign-in."""
        if model.notice.kind is NoticeKind.STORAGE:
            return model  # all that there is to say stands in it
        if model.notice.kind is not NoticeKind.OPERATOR:
            is_silence = model.notice.kind is NoticeKind.SILENCE
            fact = (episode_of if is_silence else unread_of)(model.notice.workspace_id)
            return replace(model, is_open=await uow.meta.find(fact) == model.notice.subject)
        provider = model.notice.subject.partition(":")[0]
        is_refused = await uow.meta.find(client_at(provider)) is not None
        is_open = is_refused or await uow.channels.count_with_cause(provider, Cause.OURS_BROKEN) > 0
        return replace(model, provider_label=self._core.providers.label_of(provider), is_open=is_open)

    async def _with_role_change(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        change = await uow.roles.change(model.notice.subject)
        if change is None:
            return None
        roles = await roles_in(uow, self._core, change.workspace_id)
        may_undo = model.notice.recipient in {one.id for one in roles.super_admins}
        is_so = await can_be_undone(uow, change, model.now)
        return replace(model, role_change=change, may_undo=may_undo and is_so)

    async def _with_request(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel:
        request = await uow.requests.find(RequestId(model.notice.subject))
        if request is None:
            return replace(model, is_open=False)
        is_unheard = await self._notifications.is_unheard(uow, request)
        return replace(
            model,
            request=request,
            app=self._admin_consents.registration_for(request),
            scopes=self._admin_consents.scopes_for(request),
            features=self._admin_consents.features_for(request),
            provider_label=self._core.providers.label_at(
                request.requested_change.provider, request.requested_change.address
            ),
            is_unheard=is_unheard,
            is_open=request.is_open,
        )

    async def _about_channel(  # noqa: PLR0911  one return per kind reads best
        self, uow: UnitOfWork, model: NoticeModel, channel: Channel
    ) -> NoticeModel:
        match model.notice.kind:
            case NoticeKind.REMOVED | NoticeKind.SWITCHED:
                return await self._with_removal(uow, model, channel)
            case NoticeKind.CONNECTED:
                return await self._with_watch(uow, await self._with_lacking(uow, model, channel), channel)
            case NoticeKind.MOVED:
                return await self._with_mail(uow, model, channel)
            case NoticeKind.NOBODY_TOLD:
                return replace(model, is_open=await uow.incidents.open_of(channel.id) is not None)
            case NoticeKind.SOMEBODY_ELSE:
                return replace(model, is_open=channel.state is not State.REMOVED)
            case NoticeKind.DELEGATE_GONE:
                return await self._with_delegate(uow, model, channel)
            case NoticeKind.OWNER_GONE:
                return await self._with_owner(uow, model, channel)
        return model

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
        if parent.kind is NoticeKind.HOLD:
            about = await self._with_hold(uow, replace(model, notice=parent)) or model
            return replace(about, notice=model.notice, replies_to=parent.ts)
        model = await self._with_outages(uow, model, parent)
        return replace(model, replies_to=parent.ts)

    async def _with_outages(self, uow: UnitOfWork, model: NoticeModel, notice: Notice) -> NoticeModel:
        incidents = await uow.incidents.of_notice(notice.id)
        channels = await uow.channels.by_ids([incident.channel_id for incident in incidents])
        links = await uow.links.of_reader(notice.recipient, [it.id for it in incidents if it.is_open])
        outages = [
            await self._outage(uow, channels[incident.channel_id], incident, links.get(incident.id))
            for incident in incidents
            if incident.channel_id in channels
        ]
        is_open = any(outage.incident.is_open for outage in outages)
        return replace(model, outages=tuple(outages), is_open=is_open)

    async def _with_hold(self, uow: UnitOfWork, model: NoticeModel) -> NoticeModel | None:
        provider_outage = await uow.provider_outages.find(ProviderOutageId(model.notice.subject))
        if provider_outage is None:
            return None
        is_own = model.notice.channel_id is None
        if is_own:
            ids = await uow.provider_outages.of_owner(provider_outage, model.notice.recipient)
        else:
            ids = await uow.provider_outages.held(provider_outage) if provider_outage.is_open else ()
        channels = await uow.channels.by_ids(ids)
        found = tuple(channels[channel_id] for channel_id in ids)
        held = tuple(it for it in found if is_held(it)) if provider_outage.is_open else ()
        company = MailboxIdentity(provider_outage.provider, "", provider_outage.tenant)
        return replace(
            model,
            # The channel that it began with may have been switched since.
            provider_label=self._core.providers.label_for(company),
            provider_outage=provider_outage,
            held=held,
            own=found if is_own else (),
            struck=await uow.provider_outages.struck(provider_outage)
            if provider_outage.is_open and not is_own
            else None,
            proof=None if provider_outage.is_open else await uow.provider_outages.proof(provider_outage),
            seen=await self._seen_by(uow, model.notice, held),
            organisation=_domains(company.organisation, held or filter(None, [model.channel])),
            app=self._admin_consents.registration_at(provider_outage.provider),
            advice=advice(provider_outage, now=self._core.clock(), witness=self._core.policy.cadence.witness),
            is_open=provider_outage.is_open and (bool(held) or not is_own),
        )

    async def _seen_by(
        self, uow: UnitOfWork, notice: Notice, channels: Sequence[Channel]
    ) -> tuple[Channel, ...]:
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        if person is None:
            return ()
        reader = (await roles_in(uow, self._core, notice.workspace_id)).actor(person)
        return tuple(channel for channel in channels if may(reader, Operation.SEE, channel))

    async def _outage(
        self, uow: UnitOfWork, channel: Channel, incident: Incident, link: Link | None
    ) -> IncidentModel:
        url = f"{self._core.policy.base_url}/l/{link.secret.reveal()}" if link else ""
        label = self._core.providers.label_for(channel.identity)
        app = await self._registration(uow, channel, incident)
        mail = await mail_of(uow, self._core, channel) if incident.is_open else None
        return IncidentModel(channel, incident, label, url, app, mail if mail and mail.has_left else None)

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


_ONLY_WHILE_OPEN: Final = frozenset(
    {
        NoticeKind.INCIDENT,
        NoticeKind.CONVERSATION,
        NoticeKind.HOLD,
        NoticeKind.STORM,
        NoticeKind.RELAPSE,
        NoticeKind.REMINDER,
        NoticeKind.NOBODY_TOLD,
        NoticeKind.OPERATOR,
        NoticeKind.SILENCE,
        NoticeKind.GROUPS,
        NoticeKind.OWNER_GONE,
        NoticeKind.DELEGATE_GONE,
        NoticeKind.SOMEBODY_ELSE,
        NoticeKind.MOVED,
        NoticeKind.REQUEST,
    }
)


def is_worth_posting(model: NoticeModel) -> bool:
    """What was never shown and is over by now is never sent."""
    if model.notice.kind in _ONLY_WHILE_OPEN:
        return model.is_open
    return True


def _domains(tenant: str, channels: Iterable[Channel]) -> tuple[str, ...]:
    """What people call an organisation. Google's tenant is a domain; Microsoft's is a number."""
    if not tenant or "." in tenant:
        return (tenant,) if tenant else ()
    return tuple(sorted({shown_domain(channel.address.rpartition("@")[2]) for channel in channels}))
