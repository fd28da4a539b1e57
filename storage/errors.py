"""What storage itself can say no with. Errors carry data and never a secret, a URL or a row's content.

InboxkeeperError
├── StorageAway      the database cannot be used (``Trouble`` says why); try again later
├── Conflict         somebody else changed it first; read again
├── Taken            a unique constraint: it exists already
├── DatabaseInUse    another process serves this SQLite file
├── KeyLost          none of the configured keys opens a secret
├── KeyUnknown       a process that runs does not seal with the newest key yet
└── Misplaced        a secret was found under another row's id
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import InboxkeeperError


class Trouble(StrEnum):
    """What is the matter with a database, as far as its own words tell."""

    AWAY = "away"
    """Not reached, or too slow."""
    BUSY = "busy"
    """Somebody else has it locked."""
    FULL = "full"
    READ_ONLY = "read_only"
    NO_DATABASE = "no_database"
    """The file is something else."""
    ENCODING = "encoding"
    """It keeps its text in another encoding than UTF-8, which ``said`` names."""
    DAMAGED = "damaged"
    TOO_OLD = "too_old"
    """Made before the first release, by migrations that are no more or were another then."""
    BEHIND = "behind"
    """Empty, or an older version's: ``migrate`` has not been run yet."""
    TOO_NEW = "too_new"
    """A newer version's, and this one cannot do with it what was asked."""


@dataclass(eq=False)
class StorageAway(InboxkeeperError):
    """The database cannot be used: not reached, too slow, full, damaged, too old, not migrated
    yet, too new. Nothing was kept.

    ``said`` are the driver's own words, without values; empty where nobody said anything.
    """

    trouble: Trouble = Trouble.AWAY
    said: str = ""


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


@dataclass(eq=False)
class KeyUnknown(InboxkeeperError):
    """``processes`` that run do not seal with the newest key."""

    processes: int


class Misplaced(InboxkeeperError):
    """A sealed secret opens, but was sealed for another owner than the row it stands in."""
