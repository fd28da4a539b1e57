"""Identifiers that must not be mixed up. All are strings at rest and on the wire."""

from __future__ import annotations

from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
UserId = NewType("UserId", str)
ConversationId = NewType("ConversationId", str)
ChannelId = NewType("ChannelId", str)
GrantId = NewType("GrantId", str)
TicketId = NewType("TicketId", str)
"""The SHA-256 of a ticket's secret: what is stored. The secret itself is only ever in the browser."""
DownloadId = NewType("DownloadId", str)
"""The SHA-256 of its link's secret."""
LinkId = NewType("LinkId", str)
"""The SHA-256 of a link's secret."""
IncidentId = NewType("IncidentId", str)
RequestId = NewType("RequestId", str)
ProviderOutageId = NewType("ProviderOutageId", str)
NoticeId = NewType("NoticeId", str)
JobId = NewType("JobId", str)
ApiKeyId = NewType("ApiKeyId", str)
"""The part of a key that may be shown."""
WebhookId = NewType("WebhookId", str)
