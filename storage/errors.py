"""What storage itself can say no with. Errors carry data and never a secret, a URL or a row's content.

InboxkeeperError
├── StorageAway      the database cannot be reached or is too slow; try again later
├── Conflict         somebody else changed it first; read again
├── Taken            a unique constraint: it exists already
├── DatabaseInUse    another process serves this SQLite file
├── KeyLost          none of the configured keys opens a secret
└── Misplaced        a secret was found under another row's id
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import InboxkeeperError


class StorageAway(InboxkeeperError):
    """The database cannot be reached, or did not answer in time. Nothing was kept."""


class Conflict(InboxkeeperError):
    """The row has another version than the one that was read."""


class Taken(InboxkeeperError):
    """A unique constraint refused the row: there is one like it."""


class DatabaseInUse(InboxkeeperError):
    """Another process holds this SQLite database for itself."""


@dataclass(eq=False)
class KeyLost(InboxkeeperError):
    """No configured key opens a sealed secret. ``rows`` counts them where several were tried."""

    rows: int = 1


class Misplaced(InboxkeeperError):
    """A sealed secret opens, but was sealed for another owner than the row it stands in."""
