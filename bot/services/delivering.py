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

from bot.domain.cause import Cause
from bot.domain.channel import State
from bot.domain.errors import MessageGone, PersonUnreachable, TokenDead
from bot.domain.grant import Revocation
from bot.domain.ids import ConversationId, NoticeId, TicketId, UserId
from bot.domain.incident import Notice, NoticeKind
from bot.domain.job import Job
from bot.domain.picture import NoticePicture, Removal
from bot.domain.ticket import TicketOutcome
from bot.services.core import Core, new_id
from bot.services.workspaces import Workspaces
from storage import UnitOfWork

_log = structlog.get_logger(__name__)

PACE: Final = timedelta(seconds=1)
"""Slack's own pace: one message per second and conversation."""


class Messenger(Protocol):
    """Slack, as far as notices need it. Every method raises ``SlackError``s and nothing else."""

    async def open_dm(self, user_id: UserId) -> ConversationId: ...

    async def post(self, conversation: ConversationId, picture: NoticePicture, *, nonce: str) -> str:
        """Post and return the message's ``ts``."""

    async def edit(self, conversation: ConversationId, ts: str, picture: NoticePicture) -> None: ...

    async def find(self, conversation: ConversationId, nonce: str, *, since: datetime) -> str | None:
        """The ``ts`` of the message that carries ``nonce``, if it did arrive."""

    async def show_outcome(self, view_id: str, outcome: TicketOutcome, *, provider_label: str) -> None:
        """Turn a waiting modal to its outcome; one that is closed is no error."""


class Delivering:
    """Brings notices to Slack, one at a time per person."""

    def __init__(self, core: Core, messenger: Messenger, workspaces: Workspaces) -> None:
        self._core = core
        self._messenger = messenger
        self._workspaces = workspaces

    async def deliver(self, job: Job) -> datetime | None:
        """The job ``DELIVER_NOTICE``. Returns when to go on, ``None`` when the message is current."""
        notice, picture = await self._load(NoticeId(job.payload["notice"]))
        if notice is None or picture is None or notice.is_current:
            return None
        if notice.ts is None and not _is_worth_posting(picture):
            await self._shown(notice, ts=None)
            return None
        try:
            await self._reconcile(job, notice, picture)
        except PersonUnreachable as error:
            await self._unreachable(notice, error.code)
        except TokenDead:
            await self._workspaces.gone(notice.workspace_id)
        return None

    async def close_view(self, job: Job) -> datetime | None:
        """The job ``CLOSE_VIEW``: the modal that waited shows what came of it."""
        async with self._core.storage.reading() as uow:
            outcome = await uow.tickets.outcome_of(TicketId(job.payload["ticket"]))
        if outcome is not None:
            label = self._core.providers.label_of(outcome.ticket.provider)
            await self._messenger.show_outcome(job.payload["view"], outcome, provider_label=label)
        return None

    # --- reconciling

    async def _reconcile(self, job: Job, notice: Notice, picture: NoticePicture) -> None:
        notice = await self._with_conversation(notice)
        notice = await self._adopted(notice)
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

    async def _adopted(self, notice: Notice) -> Notice:
        """After a crash between posting and noting it, the message is there: take it.

        It may be the second one, posted because its reader had deleted the first (whose ``ts`` is kept).
        """
        if notice.nonce is None or notice.sending_since is None:
            return notice
        ts = await self._messenger.find(_conversation(notice), notice.nonce, since=notice.sending_since)
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
            await uow.notices.unreachable(notice.id, code)
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
        if channel is None:
            return None
        person = await uow.people.find(notice.workspace_id, notice.recipient)
        picture = NoticePicture(
            notice=notice,
            channel=channel,
            provider_label=self._core.providers.label_of(channel.provider),
            locale=person.locale if person else "en-US",
            now=self._core.clock(),
            command=self._core.policy.command,
        )
        match notice.kind:
            case NoticeKind.INCIDENT:
                return await self._with_incident(uow, picture)
            case NoticeKind.REMOVED:
                return await self._with_removal(uow, picture)
            case NoticeKind.OPERATOR:
                broken = await uow.channels.count_with_cause(channel.provider, Cause.OURS_BROKEN)
                return replace(picture, is_open=broken > 0)
            case NoticeKind.OWNER_GONE:
                return replace(picture, is_open=channel.state not in {State.DISABLED, State.REMOVED})
        return picture

    async def _with_incident(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture | None:
        notice = picture.notice
        if notice.incident_id is None:
            return None
        incident = await uow.incidents.find(notice.incident_id)
        if incident is None:
            return None
        link = await uow.links.of(notice.recipient, incident.id, picture.channel.id)
        url = f"{self._core.policy.base_url}/l/{link.secret.reveal()}" if link else ""
        return replace(picture, incident=incident, url=url, is_open=incident.resolved_at is None)

    async def _with_removal(self, uow: UnitOfWork, picture: NoticePicture) -> NoticePicture:
        notice = picture.notice
        grant = await uow.grants.find(notice.grant_id) if notice.grant_id else None
        everywhere = await uow.grants.in_use(picture.channel.identity)
        elsewhere = await uow.grants.in_use_elsewhere(picture.channel.identity, picture.channel.workspace_id)
        removal = Removal(
            channel=picture.channel,
            revocation=grant.revocation if grant else Revocation.NOT_ASKED,
            shared_here=max(everywhere - elsewhere, 0),
            shared_elsewhere=elsewhere,
            provider_label=picture.provider_label,
            grant_id=notice.grant_id,
            revocation_at=grant.revocation_at if grant else None,
        )
        return replace(picture, removal=removal)


def _is_worth_posting(picture: NoticePicture) -> bool:
    """What was never shown and is over by now is never sent."""
    if picture.notice.kind in {NoticeKind.INCIDENT, NoticeKind.OPERATOR, NoticeKind.OWNER_GONE}:
        return picture.is_open
    return True


def _conversation(notice: Notice) -> ConversationId:
    assert notice.conversation_id is not None
    return notice.conversation_id
