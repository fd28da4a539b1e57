"""Everything that survives a restart. SQLAlchemy, and rows, never leave this package."""

from storage.channels import Listed
from storage.cipher import Cipher, generate_key
from storage.clock_skew import ClockLimits
from storage.errors import (
    Conflict,
    DatabaseInUse,
    KeyLost,
    KeyUnknown,
    Misplaced,
    StorageAway,
    Taken,
    Trouble,
)
from storage.migrate import Age, age_of, is_current, migrate
from storage.rekey import rekey
from storage.retention import PURGED
from storage.shares import Share, patient, working_for
from storage.unit_of_work import SILENT_FOR, Storage, UnitOfWork

__all__ = [
    "PURGED",
    "SILENT_FOR",
    "Age",
    "Cipher",
    "ClockLimits",
    "Conflict",
    "DatabaseInUse",
    "KeyLost",
    "KeyUnknown",
    "Listed",
    "Misplaced",
    "Share",
    "Storage",
    "StorageAway",
    "Taken",
    "Trouble",
    "UnitOfWork",
    "age_of",
    "generate_key",
    "is_current",
    "migrate",
    "patient",
    "rekey",
    "working_for",
]
