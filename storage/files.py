"""The files around an SQLite database: its folder, and locks that a killed process cannot leave behind."""

from __future__ import annotations

import fcntl
import glob
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from storage.errors import DatabaseInUse

PRIVATE: Final = 0o600
BESIDE: Final = ("", "-wal", "-shm")
"""What SQLite itself makes of a database's name. It gives its own files the mode of the database."""


def make_folder(file: Path) -> None:
    """Its folder, readable by the owner only: what lies there is other people's mail access."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private(file: Path) -> None:
    """The file, empty if there was none, and all that lies beside it: readable by the owner only, whoever
    made the folder. Raises ``OSError``."""
    os.close(_opened(file))
    for one in (*(file.with_name(file.name + end) for end in BESIDE), *copies_of(file)):
        with suppress(FileNotFoundError, PermissionError):  # somebody else's is theirs to change
            if one.stat().st_mode & 0o077:
                one.chmod(PRIVATE)


def copies_of(file: Path) -> list[Path]:
    """The copies that were made before migrating, the last one first."""
    found = file.parent.glob(f"{glob.escape(file.name)}.before-*")
    return sorted(found, key=lambda one: one.stat().st_mtime, reverse=True)


def readable_by_others(file: Path) -> list[Path]:
    """Of the database's files and their folder, those that anybody but the owner may read or change."""
    known = [file.parent, *(file.with_name(file.name + end) for end in BESIDE), *copies_of(file)]
    return [one for one in known if one.exists() and one.stat().st_mode & 0o077]


class FileLock:
    """An advisory lock of the operating system's: gone with the process, however that ended."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Raises ``DatabaseInUse`` when another process has it."""
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DatabaseInUse from None
        return cls(descriptor)

    @classmethod
    def wait(cls, path: Path) -> Self:
        """Blocks the thread until it is free."""
        descriptor = _opened(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
