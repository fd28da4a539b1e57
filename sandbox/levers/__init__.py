"""What one can break in the demo."""

from __future__ import annotations

from typing import Final

from sandbox.levers.clock import CLOCK
from sandbox.levers.google import ACCOUNT, GOOGLE
from sandbox.levers.imap import HARBOR, MAILBOX
from sandbox.levers.lever import Group, Lever
from sandbox.levers.microsoft import MICROSOFT, MICROSOFT_ACCOUNT, TENANT
from sandbox.levers.names import NAMES
from sandbox.levers.slack import APP, PEOPLE, SLACK

GROUPS: Final = (
    ACCOUNT,
    GOOGLE,
    MICROSOFT_ACCOUNT,
    TENANT,
    MICROSOFT,
    MAILBOX,
    HARBOR,
    NAMES,
    SLACK,
    PEOPLE,
    APP,
    CLOCK,
)
LEVERS: Final = {lever.key: (group, lever) for group in GROUPS for lever in group.levers}

__all__ = ["ACCOUNT", "GROUPS", "LEVERS", "MAILBOX", "MICROSOFT_ACCOUNT", "PEOPLE", "Group", "Lever"]
