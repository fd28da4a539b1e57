"""What one can break in the demo."""

from __future__ import annotations

from typing import Final

from sandbox.fault_catalog.clock import CLOCK
from sandbox.fault_catalog.google import ACCOUNT, GOOGLE
from sandbox.fault_catalog.hubspot import HUBSPOT, HUBSPOT_CHANNEL
from sandbox.fault_catalog.imap import HARBOR, MAILBOX
from sandbox.fault_catalog.lever import Group, Lever
from sandbox.fault_catalog.microsoft import MICROSOFT, MICROSOFT_ACCOUNT, TENANT
from sandbox.fault_catalog.names import NAMES
from sandbox.fault_catalog.slack import APP, PEOPLE, SLACK

GROUPS: Final = (
    ACCOUNT,
    GOOGLE,
    MICROSOFT_ACCOUNT,
    TENANT,
    MICROSOFT,
    MAILBOX,
    HARBOR,
    HUBSPOT_CHANNEL,
    HUBSPOT,
    NAMES,
    SLACK,
    PEOPLE,
    APP,
    CLOCK,
)
LEVERS: Final = {lever.key: (group, lever) for group in GROUPS for lever in group.levers}

__all__ = [
    "ACCOUNT",
    "GROUPS",
    "HUBSPOT_CHANNEL",
    "LEVERS",
    "MAILBOX",
    "MICROSOFT_ACCOUNT",
    "PEOPLE",
    "Group",
    "Lever",
]
