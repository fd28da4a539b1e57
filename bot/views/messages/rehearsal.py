"""An outage that does not happen, in the words in which it would be told."""

from __future__ import annotations

from datetime import datetime

from bot.domain.channel import Cause
from bot.domain.ids import IncidentId, NoticeId, UserId
from bot.domain.incident import Incident, IncidentKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.view_models import Drill, IncidentModel, NoticeModel
from bot.views.blocks import Block
from bot.views.i18n import Language
from bot.views.messages.incident import incident_notice

_NOBODY = UserId("")
_LINK = "https://drill.invalid/"
"""Leads nowhere: in a real outage everybody has a link, so the words are those with one."""


def rehearsed(lang: Language, drill: Drill, now: datetime, command: str) -> list[Block]:
    """The message's blocks, without its buttons."""
    channel, label = drill.row.channel, drill.row.provider_label
    incident = Incident(
        id=IncidentId(""),
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        kind=IncidentKind.DEAD,
        cause=Cause.GRANT_REFUSED,
        opened_at=now,
    )
    notice = Notice(NoticeId(""), channel.workspace_id, _NOBODY, NoticeKind.INCIDENT, channel.id)
    model = NoticeModel(
        notice=notice,
        channel=channel,
        provider_label=label,
        locale=lang.code,
        now=now,
        command=command,
        outages=(IncidentModel(channel, incident, label, _LINK),),
    )
    return [block for block in incident_notice(lang, model)["blocks"] if block["type"] != "actions"]
