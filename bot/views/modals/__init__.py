"""Slack's dialogs: to connect, to disconnect, and to answer when something took longer or went wrong."""

from bot.views.modals.answers import apology_modal, busy_modal, refusal_modal, working_modal
from bot.views.modals.connecting import (
    ADDRESS_ACTION,
    ADDRESS_BLOCK,
    CONNECT_FORM,
    CONSENT_OPEN,
    connect_modal,
    consent_modal,
    outcome_modal,
    waiting_text,
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

__all__ = [
    "ADDRESS_ACTION",
    "ADDRESS_BLOCK",
    "CONNECT_FORM",
    "CONSENT_OPEN",
    "DISABLE_FORM",
    "REMOVE_FORM",
    "apology_modal",
    "busy_modal",
    "connect_modal",
    "consent_modal",
    "disable_modal",
    "disabled_modal",
    "disconnect_modal",
    "enabled_modal",
    "outcome_modal",
    "refusal_modal",
    "remove_modal",
    "removed_modal",
    "waiting_text",
    "working_modal",
]
