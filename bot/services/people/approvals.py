"""Requests that wait for an admin: asked, answered once, expired, cancelled.

The first answer wins under any race; everybody else's message is edited to who answered. What was
approved is done at once where no browser is needed; a connect waits for its requester, who goes on from
their own message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.access import Actor, Operation
from bot.domain.address import plain_words
from bot.domain.errors import (
    Gone,
    NobodyCanApprove,
    NotAllowed,
    Refusal,
    RequestClosed,
    TooManyRequests,
)
from bot.domain.ids import JobId, RequestId, UserId
from bot.domain.job import Job, JobKind
from bot.domain.lifecycle import Signal, TransitionRefused
from bot.domain.notice import NoticeKind
from bot.domain.request import APPROVAL_LASTS, UNDO_LASTS, Awaits, Request, RequestedChange, RequestState
from bot.services.core.notifications import Notifications, about_request
from bot.services.core.ports import Core, new_id
from bot.services.core.roles import Roles, refuse_in_doubt, roles_in
from bot.services.core.transitions import Transitions
from bot.services.core.unfinished import Unfinished
from storage import Taken, UnitOfWork

MOST_OPEN: Final = 5
"""How much one person may have asked admins for at a time."""
MOST_A_DAY: Final = 20
"""The same within a day, where it was not granted: taken back and asked again, it is a message each time."""
_GRANTED: Final = frozenset({RequestState.APPROVED, RequestState.DONE})

_SIGNALS = {
    Operation.DISABLE: Signal.DISABLE_ASKED,
    Operation.ENABLE: Signal.ENABLE_ASKED,
    Operation.REMOVE: Signal.REMOVE_ASKED,
}


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A request that waits now."""

    request: Request
    approvers: tuple[UserId, ...]
    is_new: bool


class Approvals:
    """Asks, answers, expires."""

    def __init__(self, core: Core, *, transitions: Transitions, notifications: Notifications) -> None:
        self._core = core
        self._transitions = transitions
        self._notifications = notifications
        self._unfinished = Unfinished(core, notifications)

    async def ask(self, actor: Actor, requested_change: RequestedChange, *, reason: str) -> ApprovalAsked:
        """Let ``requested_change`` wait for an admin. Asking twice for the same thing finds the first.

        Raises ``NobodyCanApprove`` when there is nobody to ask, ``TooManyRequests`` when this person has
        asked for enough: every request is a message to every admin.
        """
        async with self._core.storage.writing() as uow:
            roles = await roles_in(uow, self._core, actor.workspace_id)
            approvers = self._approvers(roles, actor, requested_change)
            if not approvers:
                raise NobodyCanApprove
            request = self._new(actor, requested_change, plain_words(reason))
            waiting = await uow.requests.add(request)
            if waiting.id != request.id:
                return ApprovalAsked(waiting, approvers, is_new=False)
            await self._check_amount(uow, request)
            await self._tell(uow, request, approvers)
            await self.expire_later(uow, request)
            await uow.commit()
        self._core.wake()
        return ApprovalAsked(request, approvers, is_new=True)

    async def _check_amount(self, uow: UnitOfWork, new: Request) -> None:
        """Whether ``new``, just added, is one too many. Two at once are counted one after the other."""
        await uow.people.hold(new.workspace_id, new.requester)
        day_before = new.created_at - timedelta(days=1)
        asked = await uow.requests.of_admins_by(new.workspace_id, new.requester, since=day_before)
        waiting = tuple(it for it in asked if it.is_open and it.id != new.id)
        in_vain = [it for it in asked if it.created_at > day_before and it.state not in _GRANTED]
        if len(waiting) >= MOST_OPEN or len(in_vain) > MOST_A_DAY:
            raise TooManyRequests(waiting)

    async def to_answer(self, actor: Actor, request_id: RequestId) -> Request:
        """What ``actor`` is about to answer. Raises as ``answer``."""
        async with self._core.storage.reading() as uow:
            return await self._open(uow, actor, request_id)

    async def answer(
        self, actor: Actor, request_id: RequestId, *, approve: bool, reason: str = ""
    ) -> Request:
        """Say yes or no, and why not. A no changes everybody's message at once, and whoever asked is notified
        of it when it can be taken back no longer.

        Raises ``RequestClosed`` with what came of it if somebody was faster, and ``NotAllowed`` when
        ``actor`` may not decide it.
        """
        state = RequestState.APPROVED if approve else RequestState.DECLINED
        async with self._core.storage.writing() as uow:
            request = await self._open(uow, actor, request_id)
            now = self._core.clock()
            words = "" if approve else plain_words(reason).strip()
            if not await uow.requests.answer(request_id, state, by=actor.id, at=now, reason=words):
                raise RequestClosed(await self._found(uow, request_id))
            await self._unfinished.request_changed(uow, request, now=now)
            if approve:
                await self._grant(uow, request, actor, now)
                await self.tell_answer(uow, request, now=now)
            else:
                await uow.jobs.put(_settling(request, now))
            await uow.commit()
        self._core.wake()
        async with self._core.storage.reading() as uow:
            return await self._found(uow, request_id)

    async def take_back(self, actor: Actor, request_id: RequestId) -> Request:
        """The request that ``actor`` has just declined waits again, and nobody was notified of the no.

        Raises ``RequestClosed`` when it is too late for that.
        """
        async with self._core.storage.writing() as uow:
            await uow.requests.hold(request_id)
            now = self._core.clock()  # after the wait: the minute may have ended meanwhile
            request = await self._found(uow, request_id)
            if actor.workspace_id != request.workspace_id or not request.may_take_back(actor.id, now):
                raise RequestClosed(request)
            if await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.ANSWERED):
                raise RequestClosed(request)  # by a process whose clock is ahead of ours
            try:
                is_back = await uow.requests.take_back(request_id, by=actor.id, since=now - UNDO_LASTS)
            except Taken:
                raise RequestClosed(request) from None  # whoever asked has asked anew
            if not is_back:
                raise RequestClosed(request)
            await uow.jobs.cancel(_settling(request, now).dedupe)
            await self._unfinished.request_changed(uow, request, now=now)
            await uow.commit()
        self._core.wake()
        async with self._core.storage.reading() as uow:
            return await self._found(uow, request_id)

    async def settle(self, job: Job) -> datetime | None:
        """The job ``SETTLE_ANSWER``: a no stands. Whoever asked is notified, and nobody can undo it."""
        request_id = RequestId(job.payload["request"])
        async with self._core.storage.writing() as uow:
            await uow.requests.hold(request_id)
            request = await uow.requests.find(request_id)
            if request is None or request.state is not RequestState.DECLINED:
                return None
            now = self._core.clock()
            if request.answered_at is not None and now < request.answered_at + UNDO_LASTS:
                return request.answered_at + UNDO_LASTS
            await self._unfinished.request_changed(uow, request, now=now)
            await self.tell_answer(uow, request, now=now)
            await uow.commit()
        return None

    async def cancel(self, actor: Actor, request_id: RequestId) -> Request:
        """Take one's own request back."""
        async with self._core.storage.writing() as uow:
            request = await self._found(uow, request_id)
            if request.requester != actor.id:
                raise NotAllowed("cancel", (request.requester,))
            now = self._core.clock()
            if not await uow.requests.answer(request_id, RequestState.CANCELLED, by=actor.id, at=now):
                raise RequestClosed(await self._found(uow, request_id))
            await self._unfinished.request_changed(uow, request, now=now)
            await uow.commit()
        async with self._core.storage.reading() as uow:
            return await self._found(uow, request_id)

    async def expire(self, job: Job) -> datetime | None:
        """The job ``EXPIRE_REQUEST``: nobody answered in time, or nobody went on."""
        request_id = RequestId(job.payload["request"])
        async with self._core.storage.writing() as uow:
            request = await uow.requests.find(request_id)
            if request is None:
                return None
            now = self._core.clock()
            if now < request.expires_at:
                return request.expires_at
            expired = RequestState.EXPIRED
            for state in (RequestState.WAITING, RequestState.APPROVED):
                await uow.requests.answer(request_id, expired, by=None, at=now, was=state)
            await self._unfinished.request_changed(uow, request, now=now)
            await uow.commit()
        return None

    async def approved(self, uow: UnitOfWork, request_id: RequestId, actor_id: UserId) -> Request:
        """The request that its requester goes on with. Raises ``RequestClosed``, ``NotAllowed``."""
        request = await self._found(uow, request_id)
        if request.requester != actor_id:
            raise NotAllowed("go_on", (request.requester,))
        is_over = self._core.clock() >= request.expires_at
        if not request.may_go_on or is_over:
            raise RequestClosed(request)
        return request

    async def covering(
        self, uow: UnitOfWork, actor: Actor, requested_change: RequestedChange
    ) -> RequestId | None:
        """The approval with which ``actor`` may go on with ``requested_change``, if they hold one."""
        for request in await uow.requests.unfinished_by(actor.workspace_id, actor.id):
            is_held = request.may_go_on and request.awaits is Awaits.ADMINS
            if (
                is_held
                and self._core.clock() < request.expires_at
                and requested_change.is_covered_by(request.requested_change)
            ):
                return request.id
        return None

    async def vouches(self, uow: UnitOfWork, request_id: RequestId, actor_id: UserId) -> bool:
        """Whether an admin here has allowed what ``request_id`` asks for; an organisation's admin cannot.

        Raises as ``approved``.
        """
        request = await self.approved(uow, request_id, actor_id)
        if request.awaits is Awaits.ADMINS:
            return True
        return request.follows is not None and await self.vouches(uow, request.follows, actor_id)

    async def done(self, uow: UnitOfWork, request_id: RequestId) -> None:
        """What was approved has been done; what it rests on, too."""
        now = self._core.clock()
        request = await self._found(uow, request_id)
        for was in (RequestState.APPROVED, RequestState.WAITING):
            if await uow.requests.answer(
                request_id, RequestState.DONE, by=request.answered_by, at=now, was=was
            ):
                await self._unfinished.request_changed(uow, request, now=now)
        if request.follows:
            await self.done(uow, request.follows)

    # --- parts

    async def _open(self, uow: UnitOfWork, actor: Actor, request_id: RequestId) -> Request:
        request = await self._found(uow, request_id)
        roles = await roles_in(uow, self._core, request.workspace_id)
        approvers = roles.approvers(request.requested_change.kind, request.requested_change.operation)
        if actor.workspace_id == request.workspace_id and actor.id in approvers:
            refuse_in_doubt(actor, request.requested_change.kind, request.requested_change.operation)
        if actor.workspace_id != request.workspace_id or actor.id not in approvers:
            raise NotAllowed("approve", approvers)
        if not request.is_open:
            raise RequestClosed(request)
        return request

    async def _found(self, uow: UnitOfWork, request_id: RequestId) -> Request:
        request = await uow.requests.find(request_id)
        if request is None:
            raise Gone("")
        return request

    async def _grant(self, uow: UnitOfWork, request: Request, actor: Actor, now: datetime) -> None:
        """Do what needs no browser. A request that makes no sense any more ends as cancelled."""
        signal = _SIGNALS.get(request.requested_change.operation)
        if signal is None:
            return
        channel = (
            await uow.channels.find(request.requested_change.channel_id)
            if request.requested_change.channel_id
            else None
        )
        try:
            if channel is None:
                raise Gone(request.requested_change.address)
            await self._transitions.apply(uow, channel, signal, actor=actor.id)
        except (TransitionRefused, Refusal):
            ended = RequestState.CANCELLED
        else:
            ended = RequestState.DONE
        await uow.requests.answer(request.id, ended, by=None, at=now, was=RequestState.APPROVED)

    def _approvers(self, roles: Roles, actor: Actor, requested_change: RequestedChange) -> tuple[UserId, ...]:
        found = roles.approvers(requested_change.kind, requested_change.operation)
        return tuple(person for person in found if person != actor.id)

    def _new(self, actor: Actor, requested_change: RequestedChange, reason: str) -> Request:
        now = self._core.clock()
        return Request(
            id=RequestId(new_id()),
            workspace_id=actor.workspace_id,
            requester=actor.id,
            requested_change=requested_change,
            reason=reason.strip(),
            state=RequestState.WAITING,
            created_at=now,
            expires_at=now + APPROVAL_LASTS,
        )

    async def _tell(self, uow: UnitOfWork, request: Request, approvers: tuple[UserId, ...]) -> None:
        now = request.created_at
        for approver in approvers:
            await self._notifications.tell(uow, about_request(request, approver, NoticeKind.REQUEST, now))
        await self._notifications.tell(uow, about_request(request, request.requester, NoticeKind.WISH, now))

    async def tell_answer(self, uow: UnitOfWork, request: Request, *, now: datetime) -> None:
        """Whoever asked hears of the answer: their message is edited, which notifies nobody."""
        for wish in await uow.notices.of_subject(request.workspace_id, request.id, NoticeKind.WISH):
            if wish.ts or wish.nonce:
                reply = about_request(request, wish.recipient, NoticeKind.ANSWERED, now)
                in_thread = replace(reply, thread_of=wish.id, conversation_id=wish.conversation_id)
                await self._notifications.tell(uow, in_thread)

    async def expire_later(self, uow: UnitOfWork, request: Request) -> None:
        """Let it end when its time is over."""
        await uow.jobs.put(
            Job(
                id=JobId(new_id()),
                lane=f"request:{request.id}",
                kind=JobKind.EXPIRE_REQUEST,
                dedupe=f"expire:{request.id}",
                due_at=request.expires_at,
                created_at=request.created_at,
                payload={"request": request.id},
            )
        )


def _settling(request: Request, now: datetime) -> Job:
    """What is left to do about a no once its minute is over."""
    return Job(
        id=JobId(new_id()),
        lane=f"request:{request.id}",
        kind=JobKind.SETTLE_ANSWER,
        dedupe=f"settle:{request.id}",
        due_at=now + UNDO_LASTS,
        created_at=now,
        payload={"request": request.id},
    )
