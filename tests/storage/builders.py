"""Values for storage tests: complete, and different only where a test says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from bot.domain.channel import Cause, Channel, InboxSpec, Kind, State
from bot.domain.grant import Grant, MailboxIdentity, Phase, Secret
from bot.domain.ids import ChannelId, GrantId, IncidentId, JobId, NoticeId, TicketId, UserId, WorkspaceId
from bot.domain.incident import Incident, IncidentKind
from bot.domain.job import Job, JobKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.probe_policy import Probe
from bot.domain.ticket import Purpose, Ticket
from tests.inboxes import with_changes

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORKSPACE = WorkspaceId("T1")
ANA = UserId("UANA")

_numbers = count(1)


def a_channel(**changes: Any) -> Channel:
    number = next(_numbers)
    channel = Channel(
        id=ChannelId(f"ch{number}"),
        workspace_id=WORKSPACE,
        address=f"Ana{number}@example.com",
        kind=Kind.PERSONAL,
        owner_id=ANA,
        connected_by=ANA,
        provider="google",
        identity=MailboxIdentity("google", f"sub{number}", "example.com"),
        state=State.CONNECTED,
        cause=Cause.NONE,
        since=NOW,
        created_at=NOW,
        grant_id=GrantId(f"gr{number}"),
        use="Invoices",
    )
    return replace(channel, **changes)


def a_team_channel(**changes: Any) -> Channel:
    return a_channel(**{"kind": Kind.TEAM, "owner_id": None} | changes)


def a_grant(**changes: Any) -> Grant:
    number = next(_numbers)
    grant = Grant(
        id=GrantId(f"gr{number}"),
        workspace_id=WORKSPACE,
        channel_id=None,
        address="ana@example.com",
        identity=MailboxIdentity("google", "sub-ana"),
        scopes=frozenset({"mail", "openid"}),
        secret=Secret(f"refresh-{number}"),
        phase=Phase.LIVE,
        obtained_at=NOW,
    )
    return replace(grant, **changes)


def a_probe(channel: Channel, **changes: Any) -> Probe:
    probe = Probe(
        channel_id=channel.id,
        workspace_id=channel.workspace_id,
        grant_id=channel.grant_id or GrantId("none"),
        provider=channel.provider,
        due_at=NOW,
    )
    return replace(probe, **changes)


def a_job(**changes: Any) -> Job:
    number = next(_numbers)
    job = Job(
        id=JobId(f"job{number}"),
        lane=f"lane{number}",
        kind=JobKind.DELIVER_NOTICE,
        dedupe=f"deliver:{number}",
        due_at=NOW,
        created_at=NOW,
        payload={"notice": str(number)},
    )
    return replace(job, **changes)


def a_ticket(**changes: Any) -> Ticket:
    ticket = Ticket(
        id=TicketId(f"ticket{next(_numbers)}"),
        workspace_id=WORKSPACE,
        user_id=ANA,
        purpose=Purpose.CONNECT,
        inbox=InboxSpec("Ana@example.com", provider="google"),
        created_at=NOW,
        expires_at=NOW + 15 * MINUTE,
        verifier=Secret("verifier"),
        nonce="nonce",
        locale="ja-JP",
    )
    return with_changes(ticket, **changes)


def an_incident(channel: Channel, **changes: Any) -> Incident:
    incident = Incident(
        id=IncidentId(f"inc{next(_numbers)}"),
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        kind=IncidentKind.DEAD,
        cause=Cause.GRANT_REFUSED,
        opened_at=NOW,
        code="invalid_grant",
    )
    return replace(incident, **changes)


def a_notice(**changes: Any) -> Notice:
    notice = Notice(
        id=NoticeId(f"notice{next(_numbers)}"),
        workspace_id=WORKSPACE,
        recipient=ANA,
        kind=NoticeKind.INCIDENT,
        channel_id=ChannelId("ch"),
        incident_id=IncidentId("inc"),
        created_at=NOW,
    )
    return replace(notice, **changes)
