"""What is true of a notice at the moment it is shown: read in the caller's unit of work, decided nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.domain.access import Deed, may
from bot.domain.address import shown_domain
from bot.domain.cause import ADMIN_CAUSES, Cause
from bot.domain.channel import Channel, State
from bot.domain.grant import MailboxIdentity
from bot.domain.hold import advice, is_held
from bot.domain.ids import HoldId, NoticeId, RequestId
from bot.domain.incident import Incident, Notice, NoticeKind
from bot.domain.picture import NoticePicture, Outage, Registration
from bot.domain.ticket import Link
from bot.services.admins import can_be_undone
from bot.services.approvals import Approvals
from bot.services.core import Core
from bot.services.mail_watch import is_still_away, mail_of, mail_shown
from bot.services.removals import removal_of
from bot.services.silence import episode_of
from bot.services.standing import standing_of
from bot.services.telling import Telling, client_at, unread_of
from storage import UnitOfWork


class Pictures:
    """Draws the present state together, for whoever shows it."""

    def __init__(self, core: Core, *, telling: Telling, approvals: Approvals) -> None:
        self._core = core
        self._telling = telling
        self._approvals = approvals

    async def of(  # noqa: PLR0911  one return per kind reads best
        self, uow: UnitOfWork, notice: Notice
    ) -> NoticePicture | None:
        """What ``notice`` shows now; ``None`` if what it is about is no more."""
        channel = await uow.channels.find(notice.channel_id) if notice.channel_id else None
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        picture = NoticePicture(
            notice=notice,
            channel=channel,
            provider_label=self._core.providers.label_for(channel.identity) if channel else "",
            locale=person.locale if person else await self._house_locale(uow, notice),
            now=self._core.clock(),
            command=self._core.policy.command,
        )
        if notice.thread_of is not None:
            picture = await self._with_parent(uow, picture, notice.thread_of)
        match notice.kind:
            case NoticeKind.INCIDENT | NoticeKind.CONVERSATION:
                return await self._with_outages(uow, picture, notice)
            case NoticeKind.HOLD:
                return await self._with_hold(uow, picture)
            case NoticeKind.REQUEST | NoticeKind.WISH | NoticeKind.ANSWERED:
                return await self._with_request(uow, picture)
            case NoticeKind.OPERATOR | NoticeKind.SILENCE | NoticeKind.STORAGE | NoticeKind.GROUPS:
                return await self._about_us(uow, picture)
            case NoticeKind.ROLE_CHANGED:
                return await self._with_role_change(uow, picture)
            case NoticeKind.NOBODY_TOLD:
                picture = await self._with_request(uow, picture)
                if picture.request is not None:
                    return picture
        return await self._about_channel(uow, picture, channel) if channel else None

    async def _about_us(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture:
        """What is wrong with the bot itself: it does not probe, cannot read user groups, or a provider
        refuses its credentials, at inboxes that are there or at somebody's sign-in."""
        if picture.notice.kind is NoticeKind.STORAGE:
            return picture  # all that there is to say stands in it
        if picture.notice.kind is not NoticeKind.OPERATOR:
            is_silence = picture.notice.kind is NoticeKind.SILENCE
            fact = (episode_of if is_silence else unread_of)(picture.notice.workspace_id)
            return replace(picture, is_open=await uow.meta.find(fact) == picture.notice.subject)
        provider = picture.notice.subject.partition(":")[0]
        is_refused = await uow.meta.find(client_at(provider)) is not None
        is_open = is_refused or await uow.channels.count_with_cause(provider, Cause.OURS_BROKEN) > 0
        return replace(picture, provider_label=self._core.providers.label_of(provider), is_open=is_open)

    async def _with_role_change(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture | None:
        change = await uow.roles.change(picture.notice.subject)
        if change is None:
            return None
        standing = await standing_of(uow, self._core, change.workspace_id)
        may_undo = picture.notice.recipient in {one.id for one in standing.super_admins}
        is_so = await can_be_undone(uow, change, picture.now)
        return replace(picture, role_change=change, may_undo=may_undo and is_so)

    async def _with_request(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture:
        request = await uow.requests.find(RequestId(picture.notice.subject))
        if request is None:
            return replace(picture, is_open=False)
        is_unheard = await self._telling.is_unheard(uow, request)
        return replace(
            picture,
            request=request,
            app=self._approvals.registration_for(request),
            scopes=self._approvals.scopes_for(request),
            features=self._approvals.features_for(request),
            provider_label=self._core.providers.label_at(request.wish.provider, request.wish.address),
            is_unheard=is_unheard,
            is_open=request.is_open,
        )

    async def _about_channel(  # noqa: PLR0911  one return per kind reads best
        self, uow: UnitOfWork, picture: NoticePicture, channel: Channel
    ) -> NoticePicture:
        match picture.notice.kind:
            case NoticeKind.REMOVED | NoticeKind.SWITCHED:
                return await self._with_removal(uow, picture, channel)
            case NoticeKind.CONNECTED:
                return await self._with_watch(uow, await self._with_lacking(uow, picture, channel), channel)
            case NoticeKind.MOVED:
                return await self._with_mail(uow, picture, channel)
            case NoticeKind.NOBODY_TOLD:
                return replace(picture, is_open=await uow.incidents.open_of(channel.id) is not None)
            case NoticeKind.SOMEBODY_ELSE:
                return replace(picture, is_open=channel.state is not State.REMOVED)
            case NoticeKind.DELEGATE_GONE:
                return await self._with_delegate(uow, picture, channel)
            case NoticeKind.OWNER_GONE:
                return await self._with_owner(uow, picture, channel)
        return picture

    async def _with_owner(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        """It is settled once somebody has decided, or the owner is there again."""
        owner = await uow.people.find(channel.workspace_id, channel.owner_id) if channel.owner_id else None
        asked_at = picture.notice.created_at or channel.since
        was_put_away = channel.state is State.DISABLED and channel.since > asked_at
        is_decided = was_put_away or channel.state is State.REMOVED or not channel.is_personal
        is_back = not is_decided and owner is not None and not owner.is_deleted
        return replace(picture, is_back=is_back, is_open=not (is_decided or is_back))

    async def _with_watch(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        audience = (await standing_of(uow, self._core, channel.workspace_id)).audience(channel)
        return replace(picture, is_told=picture.notice.recipient in audience)

    async def _with_lacking(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        granted = await uow.grants.granted_of(channel.grant_id) if channel.grant_id else None
        if granted is None:
            return picture
        return replace(picture, lacking=self._core.policy.features.lacking(channel.provider, granted))

    async def _with_parent(
        self, uow: UnitOfWork, picture: NoticePicture, parent_id: NoticeId
    ) -> NoticePicture:
        """A reply shows what is so of the message it belongs to, and needs that message's place."""
        parent = await uow.notices.find(parent_id)
        if parent is None:
            return picture
        if parent.kind is NoticeKind.HOLD:
            about = await self._with_hold(uow, replace(picture, notice=parent)) or picture
            return replace(about, notice=picture.notice, replies_to=parent.ts)
        picture = await self._with_outages(uow, picture, parent)
        return replace(picture, replies_to=parent.ts)

    async def _with_outages(self, uow: UnitOfWork, picture: NoticePicture, notice: Notice) -> NoticePicture:
        incidents = await uow.incidents.of_notice(notice.id)
        channels = await uow.channels.by_ids([incident.channel_id for incident in incidents])
        links = await uow.links.of_reader(notice.recipient, [it.id for it in incidents if it.is_open])
        outages = [
            await self._outage(uow, channels[incident.channel_id], incident, links.get(incident.id))
            for incident in incidents
            if incident.channel_id in channels
        ]
        is_open = any(outage.incident.is_open for outage in outages)
        return replace(picture, outages=tuple(outages), is_open=is_open)

    async def _with_hold(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture | None:
        hold = await uow.holds.find(HoldId(picture.notice.subject))
        if hold is None:
            return None
        is_own = picture.notice.channel_id is None
        if is_own:
            ids = await uow.holds.of_owner(hold, picture.notice.recipient)
        else:
            ids = await uow.holds.held(hold) if hold.is_open else ()
        channels = await uow.channels.by_ids(ids)
        found = tuple(channels[channel_id] for channel_id in ids)
        held = tuple(it for it in found if is_held(it)) if hold.is_open else ()
        house = MailboxIdentity(hold.provider, "", hold.tenant)
        return replace(
            picture,
            # The channel that it began with may have been switched since.
            provider_label=self._core.providers.label_for(house),
            hold=hold,
            held=held,
            own=found if is_own else (),
            struck=await uow.holds.struck(hold) if hold.is_open and not is_own else None,
            proof=None if hold.is_open else await uow.holds.proof(hold),
            seen=await self._seen_by(uow, picture.notice, held),
            organisation=_domains(house.organisation, held or filter(None, [picture.channel])),
            app=self._approvals.registration_at(hold.provider),
            advice=advice(hold, now=self._core.clock(), witness=self._core.policy.cadence.witness),
            is_open=hold.is_open and (bool(held) or not is_own),
        )

    async def _seen_by(
        self, uow: UnitOfWork, notice: Notice, channels: Sequence[Channel]
    ) -> tuple[Channel, ...]:
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        if person is None:
            return ()
        reader = (await standing_of(uow, self._core, notice.workspace_id)).actor(person)
        return tuple(channel for channel in channels if may(reader, Deed.SEE, channel))

    async def _outage(
        self, uow: UnitOfWork, channel: Channel, incident: Incident, link: Link | None
    ) -> Outage:
        url = f"{self._core.policy.base_url}/l/{link.secret.reveal()}" if link else ""
        label = self._core.providers.label_for(channel.identity)
        app = await self._registration(uow, channel, incident)
        mail = await mail_of(uow, self._core, channel) if incident.is_open else None
        return Outage(channel, incident, label, url, app, mail if mail and mail.has_left else None)

    async def _registration(self, uow: UnitOfWork, channel: Channel, incident: Incident) -> Registration:
        if incident.cause not in ADMIN_CAUSES or not incident.is_open:
            return Registration()
        grant = await uow.grants.find(channel.grant_id) if channel.grant_id else None
        is_shared = grant is not None and grant.delegate is not None
        return self._approvals.registration_of(channel, incident.cause, is_shared=is_shared)

    async def _house_locale(self, uow: UnitOfWork, notice: Notice) -> str:
        """A conversation reads what its first super admin would."""
        standing = await standing_of(uow, self._core, notice.workspace_id)
        return standing.super_admins[0].locale if standing.super_admins else "en-US"

    async def _with_delegate(
        self, uow: UnitOfWork, picture: NoticePicture, channel: Channel
    ) -> NoticePicture:
        """It is settled once another grant has taken its place, or that person is there again."""
        grant_id = picture.notice.grant_id
        grant = await uow.grants.find(grant_id) if grant_id else None
        delegate = grant.delegate.address if grant and grant.delegate else ""
        is_theirs = channel.grant_id == grant_id
        is_back = is_theirs and await uow.people.by_email(channel.workspace_id, delegate) is not None
        return replace(picture, delegate=delegate, is_back=is_back, is_open=is_theirs and not is_back)

    async def _with_mail(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        known = await uow.whereabouts.find(channel.id)
        mail = mail_shown(self._core, channel, known) if known else None
        return replace(picture, mail=mail, is_open=is_still_away(picture.notice, channel, known))

    async def _with_removal(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        notice = picture.notice
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        reader = person.email if person else ""
        removal = await removal_of(uow, self._core, channel, notice.grant_id, reader=reader)
        return replace(picture, removal=removal)


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


def is_worth_posting(picture: NoticePicture) -> bool:
    """What was never shown and is over by now is never sent."""
    if picture.notice.kind in _ONLY_WHILE_OPEN:
        return picture.is_open
    return True


def _domains(tenant: str, channels: Iterable[Channel]) -> tuple[str, ...]:
    """What people call an organisation. Google's tenant is a domain; Microsoft's is a number."""
    if not tenant or "." in tenant:
        return (tenant,) if tenant else ()
    return tuple(sorted({shown_domain(channel.address.rpartition("@")[2]) for channel in channels}))
