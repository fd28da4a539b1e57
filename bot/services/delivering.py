"""Reconciles messages in Slack to notices: each is found once, however often the process dies.

Before a message is posted, a nonce is committed; the message carries it. After a crash the conversation
is read and the message adopted, or posted if it never arrived. What is shown is the present state,
not the state of when somebody asked for it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.cause import ADMIN_CAUSES, Cause
from bot.domain.channel import Channel, State
from bot.domain.errors import MessageGone, PersonUnreachable, TokenDead
from bot.domain.feature import Feature
from bot.domain.grant import MailboxIdentity
from bot.domain.hold import ripe_at
from bot.domain.ids import ConversationId, HoldId, NoticeId, RequestId, TicketId, UserId
from bot.domain.incident import Incident, Notice, NoticeKind
from bot.domain.job import Job
from bot.domain.picture import NoticePicture, Outage, Registration
from bot.domain.ticket import TicketOutcome
from bot.services.approvals import Approvals, is_asked_for
from bot.services.core import Core, new_id
from bot.services.mail_watch import is_still_away, mail_of, mail_shown
from bot.services.removals import removal_of
from bot.services.standing import standing_of
from bot.services.telling import Telling
from bot.services.trips import lacking_after
from bot.services.workspaces import Workspaces
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

PACE: Final = timedelta(seconds=1)
"""Slack's own pace: one message per second and conversation."""


class Messenger(Protocol):
    """Slack, as far as notices need it. Every method raises ``SlackError``s and nothing else."""

    async def is_there(self) -> bool:
        """Whether our token works. Raises ``SlackAway`` when nobody can tell."""

    async def open_dm(self, user_id: UserId) -> ConversationId: ...

    async def post(self, conversation: ConversationId, picture: NoticePicture, *, nonce: str) -> str:
        """Post and return the message's ``ts``."""

    async def edit(self, conversation: ConversationId, ts: str, picture: NoticePicture) -> None: ...

    async def find(
        self, conversation: ConversationId, nonce: str, *, since: datetime, thread: str | None
    ) -> str | None:
        """The ``ts`` of the message (or reply) that carries ``nonce``, if it did arrive."""

    async def hello(self, conversation: ConversationId, address: str, actor: UserId, locale: str) -> None:
        """Say in a conversation that it will be told of an address's outages."""

    async def show_outcome(
        self,
        view_id: str,
        outcome: TicketOutcome,
        *,
        provider_label: str,
        may_ask_admin: bool,
        lacking: tuple[Feature, ...],
    ) -> None:
        """Turn a waiting modal to its outcome; one that is closed is no error. ``lacking`` are features whose
        permission was left unticked."""


class Delivering:
    """Brings notices to Slack, one at a time per person."""

    def __init__(
        self,
        core: Core,
        *,
        messenger: Messenger,
        workspaces: Workspaces,
        telling: Telling,
        approvals: Approvals,
    ) -> None:
        self._core = core
        self._approvals = approvals
        self._telling = telling
        self._messenger = messenger
        self._workspaces = workspaces

    async def deliver(self, job: Job) -> datetime | None:
        """The job ``DELIVER_NOTICE``. Returns when to go on, ``None`` when the message is current."""
        notice, picture = await self._load(NoticeId(job.payload["notice"]))
        if notice is None or picture is None or notice.is_current:
            return None
        was_tried = notice.ts is not None or notice.sending_since is not None
        if not was_tried and not _is_worth_posting(picture):
            await self._shown(notice, ts=None)
            return None
        if notice.thread_of is not None and picture.replies_to is None:
            return await self._awaiting(notice, notice.thread_of)
        try:
            await self._reconcile(job, notice, picture)
        except PersonUnreachable as error:
            await self._unreachable(notice, error.code)
        except TokenDead as error:
            await self._workspaces.suspected(notice.workspace_id, error.code)
        return None

    async def _awaiting(self, notice: Notice, parent_id: NoticeId) -> datetime | None:
        """The message that ``notice`` replies to is not there: when to look again, unless it never comes."""
        async with self._core.storage.reading() as uow:
            parent = await uow.notices.find(parent_id)
        if parent is not None and not (parent.unreachable or parent.is_current):
            return self._core.clock() + PACE
        await self._shown(notice, ts=None)
        return None

    async def close_view(self, job: Job) -> datetime | None:
        """The job ``CLOSE_VIEW``: the modal that waited shows what came of it."""
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome_of(TicketId(job.payload["ticket"]))
        if outcome is not None:
            label = self._core.providers.label_at(outcome.ticket.provider, outcome.ticket.address)
            await self._messenger.show_outcome(
                job.payload["view"],
                outcome,
                provider_label=label,
                may_ask_admin=self._approvals.may_help(outcome) and not is_asked_for(outcome),
                lacking=lacking_after(self._core, outcome),
            )
        return None

    # --- reconciling

    async def _reconcile(self, job: Job, notice: Notice, picture: NoticePicture) -> None:
        notice = await self._with_conversation(notice)
        if notice.kind is NoticeKind.CONVERSATION and notice.ts is None and notice.nonce is not None:
            # A team's conversation cannot be read by us: rather no line than two of them.
            await self._shown(notice, ts=None)
            return
        notice = await self._adopted(notice, picture)
        if notice.ts is None and not _is_worth_posting(picture):
            await self._shown(notice, ts=None)  # it never arrived, and is over by now
            return
        if notice.ts is None:
            await self._post(job, notice, picture)
            return
        try:
            await self._messenger.edit(_conversation(notice), notice.ts, picture)
        except MessageGone:
            if _is_worth_posting(picture):  # deleted by its reader, but still true: said once more
                await self._post(job, notice, picture)
                return
        await self._shown(notice, ts=notice.ts)

    async def _with_conversation(self, notice: Notice) -> Notice:
        if notice.conversation_id is not None:
            return notice
        conversation = await self._messenger.open_dm(notice.recipient)
        async with self._core.storage.writing() as uow:
            await uow.notices.opened(notice.id, conversation)
            await uow.commit()
        return replace(notice, conversation_id=conversation)

    async def _adopted(self, notice: Notice, picture: NoticePicture) -> Notice:
        """After a crash between posting and noting it, the message is there: take it.

        It may be the second one, posted because its reader had deleted the first (whose ``ts`` is kept).
        """
        if notice.nonce is None or notice.sending_since is None:
            return notice
        ts = await self._messenger.find(
            _conversation(notice),
            notice.nonce,
            since=notice.sending_since,
            thread=picture.replies_to,
        )
        if ts is None:
            return notice
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(notice.id, rev=0, ts=ts)
            await uow.commit()
        return replace(notice, ts=ts)

    async def _post(self, job: Job, notice: Notice, picture: NoticePicture) -> None:
        nonce = new_id()
        async with self._core.storage.writing() as uow:
            await uow.notices.begin_sending(notice.id, nonce, self._core.clock())
            await uow.commit()
        ts = await self._messenger.post(_conversation(notice), picture, nonce=nonce)
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(notice.id, rev=notice.wanted_rev, ts=ts)
            await uow.jobs.pace(job.lane, PACE)
            await uow.commit()

    async def _shown(self, notice: Notice, *, ts: str | None) -> None:
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(notice.id, rev=notice.wanted_rev, ts=ts)
            await uow.commit()

    async def _unreachable(self, notice: Notice, code: str) -> None:
        self._core.telemetry.unreachable()
        _log.error("a person cannot be told", notice=notice.id, kind=notice.kind.value, slack_error=code)
        async with self._core.storage.writing() as uow:
            # One reader at a time: of two who cannot be reached, one must find that there is nobody left.
            await uow.incidents.hold_of(notice.id)
            if notice.kind is NoticeKind.REQUEST:
                await uow.requests.hold(RequestId(notice.subject))
            await uow.notices.unreachable(notice.id, code)
            await self._telling.could_not_tell(uow, notice, now=self._core.clock())
            await uow.commit()

    # --- what is true now

    async def _load(self, notice_id: NoticeId) -> tuple[Notice | None, NoticePicture | None]:
        async with self._core.storage.reading() as uow:
            notice = await uow.notices.find(notice_id)
            if notice is None or notice.unreachable or await uow.workspaces.is_gone(notice.workspace_id):
                return None, None
            return notice, await self._picture(uow, notice)

    async def _picture(self, uow: UnitOfWork, notice: Notice) -> NoticePicture | None:
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
            case NoticeKind.NOBODY_TOLD:
                picture = await self._with_request(uow, picture)
                if picture.request is not None:
                    return picture
        return await self._about_channel(uow, picture, channel) if channel else None

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
            case NoticeKind.MOVED:
                return await self._with_mail(uow, picture, channel)
            case NoticeKind.CONNECTED:
                return await self._with_lacking(uow, picture, channel)
            case NoticeKind.NOBODY_TOLD:
                return replace(picture, is_open=await uow.incidents.open_of(channel.id) is not None)
            case NoticeKind.OPERATOR:
                # The inbox at which it was noticed may have been switched since.
                provider = picture.notice.subject.partition(":")[0]
                broken = await uow.channels.count_with_cause(provider, Cause.OURS_BROKEN)
                label = self._core.providers.label_of(provider)
                return replace(picture, provider_label=label, is_open=broken > 0)
            case NoticeKind.SOMEBODY_ELSE:
                return replace(picture, is_open=channel.state is not State.REMOVED)
            case NoticeKind.DELEGATE_GONE:
                return await self._with_delegate(uow, picture, channel)
            case NoticeKind.OWNER_GONE:
                return replace(picture, is_open=channel.state not in {State.DISABLED, State.REMOVED})
        return picture

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
        picture = await self._with_outages(uow, picture, parent)
        return replace(picture, replies_to=parent.ts)

    async def _with_outages(self, uow: UnitOfWork, picture: NoticePicture, notice: Notice) -> NoticePicture:
        incidents = await uow.incidents.of_notice(notice.id)
        channels = await uow.channels.by_ids([incident.channel_id for incident in incidents])
        outages = [
            await self._outage(uow, notice, channels[incident.channel_id], incident)
            for incident in incidents
            if incident.channel_id in channels
        ]
        is_open = any(outage.incident.is_open for outage in outages)
        return replace(picture, outages=tuple(outages), is_open=is_open)

    async def _with_hold(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture | None:
        hold = await uow.holds.find(HoldId(picture.notice.subject))
        if hold is None:
            return None
        held = await uow.holds.held(hold) if hold.is_open else ()
        channels = await uow.channels.by_ids(held)
        house = MailboxIdentity(hold.provider, "", hold.tenant)
        return replace(
            picture,
            # The channel that it began with may have been switched since.
            provider_label=self._core.providers.label_for(house),
            hold=hold,
            held=tuple(channels[channel_id] for channel_id in held),
            app=self._approvals.registration_at(hold.provider),
            is_ripe=ripe_at(hold, self._core.policy.cadence.witness) <= self._core.clock(),
            is_open=hold.is_open,
        )

    async def _outage(self, uow: UnitOfWork, notice: Notice, channel: Channel, incident: Incident) -> Outage:
        link = await uow.links.of(notice.recipient, incident.id, channel.id) if incident.is_open else None
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
        """It is settled once another grant has taken its place."""
        grant_id = picture.notice.grant_id
        grant = await uow.grants.find(grant_id) if grant_id else None
        delegate = grant.delegate.address if grant and grant.delegate else ""
        return replace(picture, delegate=delegate, is_open=channel.grant_id == grant_id)

    async def _with_mail(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        known = await uow.whereabouts.find(channel.id)
        mail = mail_shown(self._core, channel, known) if known else None
        return replace(picture, mail=mail, is_open=is_still_away(picture.notice, channel, known))

    async def _with_removal(self, uow: UnitOfWork, picture: NoticePicture, channel: Channel) -> NoticePicture:
        removal = await removal_of(uow, self._core, channel, picture.notice.grant_id)
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
        NoticeKind.OWNER_GONE,
        NoticeKind.DELEGATE_GONE,
        NoticeKind.SOMEBODY_ELSE,
        NoticeKind.MOVED,
        NoticeKind.REQUEST,
    }
)


def _is_worth_posting(picture: NoticePicture) -> bool:
    """What was never shown and is over by now is never sent."""
    if picture.notice.kind in _ONLY_WHILE_OPEN:
        return picture.is_open
    return True


def _conversation(notice: Notice) -> ConversationId:
    assert notice.conversation_id is not None
    return notice.conversation_id
