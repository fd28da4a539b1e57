"""Every id a view can emit: what listeners must exist for. Each id is a constant where it is emitted."""

from __future__ import annotations

from typing import Final

from bot.views import buttons, notices
from bot.views.modals import CONNECT_FORM, CONSENT_OPEN, DISABLE_FORM, REMOVE_FORM

ACTIONS: Final = buttons.ACTIONS | {CONSENT_OPEN, notices.RECONNECT_LINK, notices.WHY}
CALLBACKS: Final = frozenset({CONNECT_FORM, DISABLE_FORM, REMOVE_FORM})
