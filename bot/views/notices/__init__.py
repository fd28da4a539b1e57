"""Direct messages that are kept true: outages, requests, and what a person did on purpose.

The one rule: a message says what is so now, and alarms only while somebody can do something about it.
"""

from bot.views.notices.alarms import CLAIM, RECONNECT_LINK, SNOOZE, conversation_notice, incident_notice
from bot.views.notices.announcements import (
    connected_picture,
    delegate_gone_picture,
    disabled_picture,
    hello_notice,
    owner_gone_picture,
    removed_picture,
    taken_over_notice,
)
from bot.views.notices.follow_ups import relapse_reply, reminder_reply, storm_reply
from bot.views.notices.holds import hold_notice, somebody_else_notice
from bot.views.notices.moves import moved_notice
from bot.views.notices.operators import (
    groups_notice,
    nobody_told_notice,
    operator_picture,
    silence_notice,
    storage_notice,
)
from bot.views.notices.roles import ADMINS_UNDO, role_changed_notice
from bot.views.notices.switches import switched_notice
from bot.views.notices.wishes import answered_reply, request_notice, wish_notice

__all__ = [
    "ADMINS_UNDO",
    "CLAIM",
    "RECONNECT_LINK",
    "SNOOZE",
    "answered_reply",
    "connected_picture",
    "conversation_notice",
    "delegate_gone_picture",
    "disabled_picture",
    "groups_notice",
    "hello_notice",
    "hold_notice",
    "incident_notice",
    "moved_notice",
    "nobody_told_notice",
    "operator_picture",
    "owner_gone_picture",
    "relapse_reply",
    "reminder_reply",
    "removed_picture",
    "request_notice",
    "role_changed_notice",
    "silence_notice",
    "somebody_else_notice",
    "storage_notice",
    "storm_reply",
    "switched_notice",
    "taken_over_notice",
    "wish_notice",
]
