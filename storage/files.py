"""The files around an SQLite database: its folder, and locks that a killed process cannot leave behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from storage.errors import DatabaseInUse


def make_folder(file: Path) -> None:
    """Its folder, readable by the owner only: what lies there is other people's mail access."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


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
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
