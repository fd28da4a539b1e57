"""What people have begun and not ended: requests that wait, and sign-ins under way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import Channel
from bot.domain.ids import JobId, UserId, WorkspaceId
from bot.domain.job import Job, JobKind
from bot.domain.notice import NoticeKind
from bot.domain.request import Request, RequestState
from bot.domain.ticket import OUTCOME_LASTS, SWITCHED_MEANWHILE, OutcomeKind, Ticket, TicketOutcome
from bot.services.core.notifications import Notifications, about_request
from bot.services.core.ports import Core, new_id
from bot.services.core.roles import roles_in
from storage import UnitOfWork

MOST_ASKED_ANEW: Final = 100
"""Requests that whoever becomes an admin reads of at once, the oldest; Home has the others, too."""


class Unfinished:
    """Ends them, and shows everybody concerned what came of it."""

    def __init__(self, core: Core, notifications: Notifications) -> None:
        self._core = core
        self._notifications = notifications

    async def request_changed(self, uow: UnitOfWork, request: Request, *, now: datetime) -> None:
        """Everybody who was asked, and whoever asked, sees what came of it."""
        for kind in (NoticeKind.REQUEST, NoticeKind.WISH, NoticeKind.NOBODY_TOLD):
            await self._notifications.changed(
                uow, await uow.notices.of_subject(request.workspace_id, request.id, kind), now=now
            )

    async def end_requests(
        self,
        uow: UnitOfWork,
        channel: Channel,
        state: RequestState,
        *,
        now: datetime,
        operations: Collection[Operation] = tuple(Operation),
    ) -> None:
        """What was asked for has come about, or makes no sense any more: nobody needs to answer it, or to go
        on with it."""
        for request in await uow.requests.unfinished_of(channel.id, operations):
            was = request.state
            await uow.requests.answer(request.id, state, by=None, at=now, was=was)
            await self.request_changed(uow, request, now=now)

    async def end_requests_of(
        self, uow: UnitOfWork, workspace_id: WorkspaceId, requester: UserId, *, now: datetime
    ) -> None:
        """This person has left: nobody needs to answer what they asked for, and nobody can go on with it."""
        for request in await uow.requests.unfinished_by(workspace_id, requester):
            await uow.requests.answer(request.id, RequestState.CANCELLED, by=None, at=now, was=request.state)
            await self.request_changed(uow, request, now=now)

    async def ask_anew(self, uow: UnitOfWork, workspace_id: WorkspaceId, *, now: datetime) -> None:
        """Who may answer has changed: what waits is put to those who may by now and were not asked, lest it
        waits for people who have left."""
        waiting = await uow.requests.waiting_for_admins(workspace_id, most=MOST_ASKED_ANEW)
        if not waiting:
            return
        roles = await roles_in(uow, self._core, workspace_id)
        asked = [
            about_request(it, approver, NoticeKind.REQUEST, now)
            for it in waiting
            for approver in roles.approvers(it.requested_change.kind, it.requested_change.operation)
            if approver != it.requester
        ]
        await self._notifications.tell_all(uow, asked)

    async def void_tickets_elsewhere(self, uow: UnitOfWork, channel: Channel, *, now: datetime) -> None:
        """The channel has been switched: who is on the way to its former provider finds that said, in the
        browser and in the modal that waits."""
        for ticket in await uow.tickets.void_elsewhere(channel.id, channel.provider):
            outcome = TicketOutcome(ticket, OutcomeKind.NOT_POSSIBLE, now, code=SWITCHED_MEANWHILE)
            await self.keep_outcome(uow, outcome)

    async def keep_outcome(self, uow: UnitOfWork, outcome: TicketOutcome) -> None:
        """Keep it for a reload, and let the waiting modal turn to it."""
        ticket, now = outcome.ticket, outcome.at
        await uow.tickets.keep(outcome, now + OUTCOME_LASTS)
        if not ticket.view_id:
            return
        await uow.jobs.put(closing_job(ticket, due_at=now, now=now))
        self._core.wake()


def closing_job(ticket: Ticket, *, due_at: datetime, now: datetime) -> Job:
    """Turn the modal that waits for this ticket to what came of it. Asked again, it is brought forward."""
    return Job(
        id=JobId(new_id()),
        lane=f"view:{ticket.view_id}",
        kind=JobKind.CLOSE_VIEW,
        dedupe=f"view:{ticket.id}",
        due_at=due_at,
        created_at=now,
        payload={"ticket": ticket.id, "view": ticket.view_id or ""},
    )
