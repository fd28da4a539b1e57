"""Every id a view can emit: what listeners must exist for. Each id is a constant where it is emitted."""

from __future__ import annotations

from typing import Final

from bot.views import buttons, history, home, hubspot, messages, modals

ACTIONS: Final = buttons.ACTIONS | {
    modals.CONSENT_ASK,
    modals.CONSENT_OPEN,
    modals.CONSENT_RENEW,
    modals.CONNECT_KIND,
    modals.CONNECT_SHARED,
    *modals.CONNECT_AT_ANY,
    *modals.LEAVE_ANY,
    modals.SWITCH_SHARED,
    modals.EDIT_TYPED,
    *buttons.SWITCH_ANY,
    modals.ADMINS_TAKE,
    modals.ADMINS_GIVE_SUPER,
    modals.ADMINS_GIVE_ACCESS,
    modals.ADMINS_GIVE_GROUP,
    *modals.KEYS_TURN,
    modals.KEYS_NEW,
    modals.KEYS_REVOKE,
    *modals.WEBHOOKS_TURN,
    modals.WEBHOOKS_NEW,
    modals.WEBHOOKS_TEST,
    modals.WEBHOOKS_ROTATE,
    modals.WEBHOOKS_REVOKE,
    history.EXPORT_OPEN,
    messages.RECONNECT_LINK,
    messages.ADMINS_UNDO,
    messages.CLAIM,
    home.HOME_SEARCH,
    home.HOME_STATE,
    home.HOME_ALL,
    home.HOME_PREVIOUS,
    home.HOME_NEXT,
    home.FIRST_HOUR_OVER,
    messages.HAND_BACK,
    messages.HAND_OVER,
    messages.SNOOZE,
    messages.WAKE,
    messages.HUBSPOT_LINK,
    hubspot.HUBSPOT_SHOW,
    hubspot.HUBSPOT_TELL,
    hubspot.HUBSPOT_PAIR,
    hubspot.HUBSPOT_UNPAIR,
}
CALLBACKS: Final = frozenset(
    {
        modals.CONNECT_FORM,
        modals.DISABLE_FORM,
        modals.REMOVE_FORM,
        modals.ADMINS_FORM,
        modals.ASK_FORM,
        modals.DECLINE_FORM,
        modals.LEAVE_FORM,
        modals.TAKE_OVER_FORM,
        hubspot.HUBSPOT_TELL_FORM,
        modals.EDIT_FORM,
        modals.KEYS_FORM,
        modals.WEBHOOKS_FORM,
    }
)
