"""Direct messages that are kept true: outages, requests, and what a person did on purpose.

The one rule: a message says what is so now, and alarms only while somebody can do something about it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.notice import NoticeKind
from bot.domain.view_models import NoticeModel
from bot.views.availability import report_notice
from bot.views.blocks import Message
from bot.views.i18n import Language
from bot.views.messages.account_events import (
    ADMINS_UNDO,
    connected_notice,
    delegate_gone_notice,
    disabled_notice,
    hello_notice,
    moved_notice,
    owner_gone_notice,
    removed_notice,
    role_changed_notice,
    switched_notice,
    taken_over_notice,
)
from bot.views.messages.approval import answered_reply, request_notice, requester_notice
from bot.views.messages.hubspot import (
    HUBSPOT_LINK,
    hubspot_conversation_notice,
    hubspot_notice,
    hubspot_outage_notice,
    hubspot_said_notice,
)
from bot.views.messages.incident import (
    CLAIM,
    HAND_BACK,
    HAND_OVER,
    RECONNECT_LINK,
    SNOOZE,
    WAKE,
    conversation_notice,
    incident_notice,
    parse_hand_over,
    parse_snooze,
)
from bot.views.messages.incident_replies import (
    claim_taken_reply,
    handed_over_reply,
    relapse_reply,
    reminder_reply,
    storm_reply,
)
from bot.views.messages.operator_notices import (
    credential_notice,
    groups_notice,
    nobody_told_notice,
    operator_notice,
    silence_notice,
    storage_notice,
)
from bot.views.messages.programs import (
    key_asks_notice,
    key_disowned_notice,
    key_ends_notice,
    key_orphaned_notice,
    webhook_off_notice,
    webhook_orphaned_notice,
)
from bot.views.messages.provider_outage import provider_outage_notice, somebody_else_notice

__all__ = [
    "ADMINS_UNDO",
    "CLAIM",
    "HAND_BACK",
    "HAND_OVER",
    "HUBSPOT_LINK",
    "RECONNECT_LINK",
    "SNOOZE",
    "VIEWS",
    "WAKE",
    "answered_reply",
    "claim_taken_reply",
    "connected_notice",
    "conversation_notice",
    "delegate_gone_notice",
    "disabled_notice",
    "groups_notice",
    "handed_over_reply",
    "hello_notice",
    "hubspot_conversation_notice",
    "hubspot_notice",
    "hubspot_outage_notice",
    "hubspot_said_notice",
    "incident_notice",
    "key_asks_notice",
    "key_disowned_notice",
    "key_ends_notice",
    "key_orphaned_notice",
    "moved_notice",
    "nobody_told_notice",
    "operator_notice",
    "owner_gone_notice",
    "parse_hand_over",
    "parse_snooze",
    "provider_outage_notice",
    "relapse_reply",
    "reminder_reply",
    "removed_notice",
    "report_notice",
    "request_notice",
    "requester_notice",
    "role_changed_notice",
    "silence_notice",
    "somebody_else_notice",
    "storage_notice",
    "storm_reply",
    "switched_notice",
    "taken_over_notice",
    "webhook_off_notice",
    "webhook_orphaned_notice",
]

VIEWS: Final[Mapping[NoticeKind, Callable[[Language, NoticeModel], Message]]] = {
    NoticeKind.INCIDENT: incident_notice,
    NoticeKind.CONVERSATION: conversation_notice,
    NoticeKind.STORM: storm_reply,
    NoticeKind.RELAPSE: relapse_reply,
    NoticeKind.REMINDER: reminder_reply,
    NoticeKind.CLAIM_TAKEN: claim_taken_reply,
    NoticeKind.HANDED_OVER: handed_over_reply,
    NoticeKind.NOBODY_TOLD: nobody_told_notice,
    NoticeKind.REMOVED: removed_notice,
    NoticeKind.SWITCHED: switched_notice,
    NoticeKind.MOVED: moved_notice,
    NoticeKind.CONNECTED: connected_notice,
    NoticeKind.DISABLED: disabled_notice,
    NoticeKind.TAKEN_OVER: taken_over_notice,
    NoticeKind.OWNER_GONE: owner_gone_notice,
    NoticeKind.DELEGATE_GONE: delegate_gone_notice,
    NoticeKind.OPERATOR: operator_notice,
    NoticeKind.SILENCE: silence_notice,
    NoticeKind.STORAGE: storage_notice,
    NoticeKind.ROLE_CHANGED: role_changed_notice,
    NoticeKind.GROUPS: groups_notice,
    NoticeKind.CREDENTIAL: credential_notice,
    NoticeKind.REPORT: report_notice,
    NoticeKind.WEBHOOK_OFF: webhook_off_notice,
    NoticeKind.WEBHOOK_ORPHANED: webhook_orphaned_notice,
    NoticeKind.KEY_ENDS: key_ends_notice,
    NoticeKind.KEY_ORPHANED: key_orphaned_notice,
    NoticeKind.KEY_ASKS: key_asks_notice,
    NoticeKind.KEY_DISOWNED: key_disowned_notice,
    NoticeKind.REQUEST: request_notice,
    NoticeKind.WISH: requester_notice,
    NoticeKind.ANSWERED: answered_reply,
    NoticeKind.HOLD: provider_outage_notice,
    NoticeKind.SOMEBODY_ELSE: somebody_else_notice,
    NoticeKind.HUBSPOT: hubspot_notice,
    NoticeKind.HUBSPOT_CONVERSATION: hubspot_conversation_notice,
    NoticeKind.HUBSPOT_HOLD: hubspot_outage_notice,
    NoticeKind.HUBSPOT_SAID: hubspot_said_notice,
}
"""How each kind of notice looks; what is read for it is in a table of the services."""
