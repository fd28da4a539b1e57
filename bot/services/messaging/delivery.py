"""Reconciles messages in Slack to notices: each is found once, however often the process dies.

Before a message is posted, a nonce is committed; the message carries it. After a crash the conversation
is read and the message adopted, or posted if it never arrived. What is shown is the present state,
not the state of when somebody asked for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.errors import MessageGone, PersonUnreachable, SlackAway, TokenDead
from bot.domain.ids import ConversationId, NoticeId, ProviderOutageId, RequestId, TicketId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.view_models import NoticeModel
from bot.services.connections.admin_consent import AdminConsents, is_asked_for
from bot.services.connections.tickets import lacking_after
from bot.services.core.jobs import NotYet, attempted
from bot.services.core.notifications import Notifications, Operators, delivery_of
from bot.services.core.ports import Core, Messenger, new_id
from bot.services.messaging.notice_models import NoticeModels, is_worth_posting
from bot.services.people.people import Workspaces
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

PACE: Final = timedelta(seconds=1)
"""Slack's own pace: one message per second and conversation."""
_SOON: Final = timedelta(seconds=5)
_BEHIND_FOR: Final = timedelta(seconds=90)
"""How long a reply waits for the edit of its message: longer than fifty readers' edits take."""
_SIDE_BY_SIDE: Final = 10
"""Messages that are edited at a time."""


class Delivery:
    """Brings notices to Slack, one at a time per person."""

    def __init__(
        self,
        core: Core,
        *,
        messenger: Messenger,
        workspaces: Workspaces,
        notifications: Notifications,
        admin_consents: AdminConsents,
        notice_models: NoticeModels,
    ) -> None:
        self._core = core
        self._admin_consents = admin_consents
        self._notice_models = notice_models
        self._notifications = notifications
        self._operators = Operators(core, notifications)
        self._messenger = messenger
        self._workspaces = workspaces

    async def deliver(self, job: Job) -> datetime | NotYet | None:
        """The jobs ``DELIVER_NOTICE`` and ``RAISE_ALARM``. Returns when to go on, ``None`` when the message
        is current."""
        at = self._core.clock()
        async with self._core.storage.reading() as uow:
            notice = await self._present(uow, NoticeId(job.payload["notice"]))
            if notice is None or notice.is_current:
                return None
            # Asked first: while Slack takes none, nothing needs to be read for it.
            rest = self._rest(notice) or await self._behind_parent(uow, job, notice)
            if rest:
                return NotYet(self._core.clock() + rest)
            model = await self._notice_models.of(uow, notice)
        if model is None:
            await self._shown(notice, ts=notice.ts)
            return None
        was_tried = notice.ts is not None or notice.sending_since is not None
        if not was_tried and not is_worth_posting(model):
            await self._shown(notice, ts=None)
            return None
        if notice.thread_of is not None and model.replies_to is None:
            return await self._awaiting(notice, notice.thread_of)
        try:
            await self._reconcile(job, notice, model, at)
        except PersonUnreachable as error:
            await self._unreachable(notice, error.code)
        except TokenDead as error:
            await self._workspaces.suspected(notice.workspace_id, error.code)
        return None

    async def _present(self, uow: UnitOfWork, notice_id: NoticeId) -> Notice | None:
        """What is to be shown; ``None`` if nobody can be shown it."""
        notice = await uow.notices.find(notice_id)
        if notice is None or notice.unreachable or await uow.workspaces.is_gone(notice.workspace_id):
            return None
        if notice.thread_of is not None and notice.conversation_id is None:
            parent = await uow.notices.find(notice.thread_of)
            notice = replace(notice, conversation_id=parent.conversation_id if parent else None)
        return notice

    def _rest(self, notice: Notice) -> timedelta:
        if notice.ts is None:
            return self._messenger.wait_to_post()
        room = self._messenger.room_for_edits()
        return timedelta() if room.at_once else room.rest

    async def _behind_parent(self, uow: UnitOfWork, job: Job, notice: Notice) -> timedelta:
        """A reply comes after the edit of the message that it belongs to, unless that takes too long. What
        has changed since the reply was written is for another edit: a storm's message is never current."""
        parent = await uow.notices.find(notice.thread_of) if notice.thread_of else None
        waited = self._core.clock() - job.created_at
        is_stale = parent is not None and parent.ts and not parent.is_current and not parent.unreachable
        was_drawn = parent is not None and (parent.stale_since or job.created_at) > job.created_at
        if not is_stale or was_drawn or waited >= _BEHIND_FOR:
            return timedelta()
        return PACE if waited < _SOON else _SOON

    async def _awaiting(self, notice: Notice, parent_id: NoticeId) -> datetime | None:
        """The message that ``notice`` replies to is not there: when to look again, unless it never comes."""
        async with self._core.storage.reading() as uow:
            parent = await uow.notices.find(parent_id)
            posting = await uow.jobs.find_unfinished(delivery_of(parent_id))
        if parent is None or parent.unreachable or parent.is_current or posting is None:
            await self._shown(notice, ts=None)
            return None
        return max(posting.due_at, self._core.clock()) + PACE

    async def close_view(self, job: Job) -> datetime | None:
        """The job ``CLOSE_VIEW``: the modal that waited shows what came of it, or that its link expired."""
        ticket_id, view_id = TicketId(job.payload["ticket"]), job.payload["view"]
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome_of(ticket_id)
            ticket = None if outcome is not None else await uow.tickets.find(ticket_id)
        if outcome is not None:
            label = self._core.providers.label_at(outcome.ticket.provider, outcome.ticket.address)
            await self._messenger.show_outcome(
                view_id,
                outcome,
                provider_label=label,
                may_ask_admin=self._admin_consents.may_help(outcome) and not is_asked_for(outcome),
                lacking=lacking_after(self._core, outcome),
            )
        elif ticket is not None and ticket.view_id == view_id:
            if ticket.expires_at > self._core.clock():
                return ticket.expires_at
            await self._messenger.show_expired(view_id, ticket)
        return None

    # --- editing

    async def edit_all(self, job: Job) -> NotYet | None:
        """The job ``EDIT_NOTICES``: some of a workspace's messages that show less than they should, those
        that have waited longest first. Done once there are none."""
        room = self._messenger.room_for_edits()
        if not room.at_once:
            # Fifty readers need all that Slack takes in a minute: a second lost is lost for each of them.
            return NotYet(self._core.clock() + room.rest, to_the_moment=True)
        at = self._core.clock()
        drawn = await self._drawn(
            WorkspaceId(job.payload["workspace"]), most=min(room.at_once, _SIDE_BY_SIDE)
        )
        if not drawn:
            return None
        edits = (self._edited(notice, model, at) for notice, model in drawn)
        rests = await asyncio.gather(*edits, return_exceptions=True)
        for rest in rests:
            if isinstance(rest, BaseException):
                raise rest
        return NotYet(self._core.clock() + max(it for it in rests if isinstance(it, timedelta)))

    async def _drawn(
        self, workspace_id: WorkspaceId, *, most: int
    ) -> list[tuple[Notice, NoticeModel | None]]:
        async with self._core.storage.reading() as uow:
            if await uow.workspaces.is_gone(workspace_id):
                return []
            waiting = await uow.notices.to_edit(workspace_id, most)
            return [(notice, await self._notice_models.of(uow, notice)) for notice in waiting]

    async def _edited(self, notice: Notice, model: NoticeModel | None, at: datetime) -> timedelta:
        """Edit one. Returns how long Slack wants to be left alone; whatever else stands in the way is for the
        notice's own job, which knows how to go on."""
        _, failure = await attempted(self._edit(notice, model, at), what=JobKind.EDIT_NOTICES.value)
        if isinstance(failure, SlackAway) and failure.retry_after is not None:
            return failure.retry_after
        if failure is not None:
            async with self._core.storage.writing() as uow:
                if isinstance(failure, MessageGone):
                    await uow.notices.lost(notice.id)
                await self._notifications.deliver_alone(uow, notice, now=self._core.clock())
                await uow.commit()
        return timedelta()

    async def _edit(self, notice: Notice, model: NoticeModel | None, at: datetime) -> None:
        if model is not None:
            assert notice.ts is not None
            await self._messenger.edit(_conversation(notice), notice.ts, model)
        await self._shown(notice, ts=notice.ts, at=at)

    # --- reconciling

    async def _reconcile(self, job: Job, notice: Notice, model: NoticeModel, at: datetime) -> None:
        """``at``: before what is to be shown was read."""
        if notice.is_for_conversation and notice.ts is None and notice.nonce is not None:
            # A team's conversation cannot be read by us: rather no line than two of them.
            await self._shown(notice, ts=None)
            return
        notice = await self._adopted(notice, model)
        if notice.ts is None and not is_worth_posting(model):
            await self._shown(notice, ts=None)  # it never arrived, and is over by now
            return
        if notice.ts is None:
            await self._post(job, notice, model, at)
            return
        try:
            await self._messenger.edit(_conversation(notice), notice.ts, model)
        except MessageGone:
            if is_worth_posting(model):  # deleted by its reader, but still true: said once more
                await self._post(job, notice, model, at)
                return
        await self._shown(notice, ts=notice.ts, at=at)

    async def _adopted(self, notice: Notice, model: NoticeModel) -> Notice:
        """After a crash between posting and noting it, the message is there: take it."""
        if notice.nonce is None or notice.sending_since is None:
            return notice
        conversation = notice.conversation_id or await self._messenger.open_dm(notice.recipient)
        try:
            ts = await self._messenger.find(
                conversation, notice.nonce, since=notice.sending_since, thread=model.replies_to
            )
        except MessageGone:  # so is the message that it would stand under
            ts = None
        if ts is None:
            return notice
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(
                notice.id, rev=0, ts=ts, at=self._core.clock(), conversation_id=conversation
            )
            await uow.commit()
        return replace(notice, ts=ts, conversation_id=conversation)

    async def _post(self, job: Job, notice: Notice, model: NoticeModel, at: datetime) -> None:
        nonce = new_id()
        async with self._core.storage.writing() as uow:
            await uow.notices.begin_sending(notice.id, nonce, self._core.clock())
            await uow.commit()
        try:
            posted = await self._messenger.post(
                notice.conversation_id or notice.recipient, model, nonce=nonce
            )
        except MessageGone:
            await self._alone(notice)
            return
        except SlackAway as error:
            if error.was_refused:
                await self._not_sent(notice)
            raise
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(
                notice.id,
                rev=notice.wanted_rev,
                ts=posted.ts,
                at=at,
                conversation_id=posted.conversation,
            )
            await uow.jobs.pace(job.lane, PACE)
            await uow.commit()

    async def _not_sent(self, notice: Notice) -> None:
        """Slack says itself that it did not take the message: nobody needs to look for it."""
        async with self._core.storage.writing() as uow:
            await uow.notices.not_sent(notice.id)
            await uow.commit()

    async def _alone(self, reply: Notice) -> None:
        """The message to reply to was deleted. It is posted anew instead, which notifies as a reply would."""
        assert reply.thread_of is not None
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(reply.id, rev=reply.wanted_rev, ts=None, at=self._core.clock())
            parent = await uow.notices.find(reply.thread_of)
            if parent is not None:
                await self._notifications.changed(uow, [parent], now=self._core.clock())
            await uow.commit()

    async def _shown(self, notice: Notice, *, ts: str | None, at: datetime | None = None) -> None:
        async with self._core.storage.writing() as uow:
            await uow.notices.shown(notice.id, rev=notice.wanted_rev, ts=ts, at=at or self._core.clock())
            await uow.commit()

    async def _unreachable(self, notice: Notice, code: str) -> None:
        self._core.telemetry.unreachable()
        _log.error("a person cannot be told", notice=notice.id, kind=notice.kind.value, slack_error=code)
        async with self._core.storage.writing() as uow:
            # One reader at a time: of two who cannot be reached, one must find that there is nobody left.
            await uow.incidents.hold_of(notice.id)
            if notice.kind is NoticeKind.REQUEST:
                await uow.requests.hold(RequestId(notice.about["request"]))
            if notice.kind in {NoticeKind.HOLD, NoticeKind.HUBSPOT_HOLD}:
                await uow.provider_outages.hold(ProviderOutageId(notice.about["outage"]))
            await uow.notices.unreachable(notice.id, code)
            await self._operators.could_not_tell(uow, notice, now=self._core.clock())
            await uow.commit()


def _conversation(notice: Notice) -> ConversationId:
    assert notice.conversation_id is not None
    return notice.conversation_id
