"""Slack's dialogs: to connect, to disconnect, to ask, to choose admins, and to answer."""

from bot.views.modals.admins import (
    ADMINS_GIVE_ACCESS,
    ADMINS_GIVE_GROUP,
    ADMINS_GIVE_SUPER,
    ADMINS_TAKE,
    admins_modal,
)
from bot.views.modals.answers import apology_modal, busy_modal, refusal_modal, working_modal
from bot.views.modals.asking import ASK_FORM, ask_modal, asked_modal, parse_wish, wish_text
from bot.views.modals.connecting import (
    CONNECT_AT_ANY,
    CONNECT_FORM,
    CONNECT_KIND,
    CONSENT_OPEN,
    connect_modal,
    consent_modal,
    outcome_modal,
    waiting_text,
)
from bot.views.modals.inputs import (
    ADDRESS_ACTION,
    ADDRESS_BLOCK,
    CONVERSATION_BLOCK,
    KIND_BLOCK,
    NAME_BLOCK,
    REASON_BLOCK,
    USE_BLOCK,
)
from bot.views.modals.leaving import (
    DISABLE_FORM,
    REMOVE_FORM,
    disable_modal,
    disabled_modal,
    disconnect_modal,
    enabled_modal,
    remove_modal,
    removed_modal,
)
from bot.views.modals.team import TAKE_OVER_FORM, take_over_modal

__all__ = [
    "ADDRESS_ACTION",
    "ADDRESS_BLOCK",
    "ADMINS_GIVE_ACCESS",
    "ADMINS_GIVE_GROUP",
    "ADMINS_GIVE_SUPER",
    "ADMINS_TAKE",
    "ASK_FORM",
    "CONNECT_AT_ANY",
    "CONNECT_FORM",
    "CONNECT_KIND",
    "CONSENT_OPEN",
    "CONVERSATION_BLOCK",
    "DISABLE_FORM",
    "KIND_BLOCK",
    "NAME_BLOCK",
    "REASON_BLOCK",
    "REMOVE_FORM",
    "TAKE_OVER_FORM",
    "USE_BLOCK",
    "admins_modal",
    "apology_modal",
    "ask_modal",
    "asked_modal",
    "busy_modal",
    "connect_modal",
    "consent_modal",
    "disable_modal",
    "disabled_modal",
    "disconnect_modal",
    "enabled_modal",
    "outcome_modal",
    "parse_wish",
    "refusal_modal",
    "remove_modal",
    "removed_modal",
    "take_over_modal",
    "waiting_text",
    "wish_text",
    "working_modal",
]
