"""A copy of everything, taken while the bot serves, and put back into an empty database of either kind.

The copy is of one moment. In a file it is sealed with the newest key, part by part; each part says which copy
it belongs to, which one it is and whether it is the last, so that a file that was cut, mixed up or made with
another key is known before anything is put back. What is sealed in the rows stays sealed as it is.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, insert, select, text, tuple_

from bot.domain.errors import InboxkeeperError
from bot.domain.grant import Secret
from storage.cipher import Cipher
from storage.connection import Connection, away
from storage.coordination import new_token
from storage.errors import KeyLost, Misplaced
from storage.tables import metadata
from storage.unit_of_work import Storage

_MAGIC: Final = b"inboxkeeper backup 1\n"
_BATCH: Final = 1_000
_TABLES: Final = {table.name: table for table in metadata.sorted_tables}
"""Parents before their children: the order in which rows can be put back."""
Rows = Sequence[dict[str, Any]]
Part = tuple[str, Rows]
"""The name of a table, and some of its rows."""


class NotEmpty(InboxkeeperError):
    """The database to put a copy into holds something already, or somebody runs on it."""


class KeysDiffer(KeyLost):
    """The keys are not those that the copy, or the database to copy, was sealed with."""


class BackupSpoilt(InboxkeeperError):
    """The file is no backup, or not a whole one."""


class BackupOfOther(InboxkeeperError):
    """The copy was made by a version whose tables are other ones."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied."""

    rows: int
    at: datetime
    """The moment that the copy shows; of one that is put back, when it was made."""


async def back_up(storage: Storage, file: Path, *, at: datetime) -> Copied:
    """Write a new file, readable by its owner only, whole or not at all.

    Raises ``FileExistsError``, ``KeysDiffer`` if the keys are not those of the database, ``StorageAway``.
    """
    if not await storage.opens_canary():
        raise KeysDiffer
    partial = file.with_name(f"{file.name}.partial")
    with suppress(FileNotFoundError):
        partial.unlink()
    try:
        count = await _written(storage, partial, file, at=at)
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise
        raise away(error) from error
    finally:
        partial.unlink(missing_ok=True)
    return Copied(count, at)


async def _written(storage: Storage, partial: Path, file: Path, *, at: datetime) -> int:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        sealing = _Sealing(storage.cipher)
        out.write(_MAGIC)
        async with storage.reading() as uow:
            revision = await _revision(uow.connection)
            out.write(sealing.line({"at": at.isoformat(), "revision": revision}))
            count = 0
            async for name, rows in _parts(uow.connection):
                count += len(rows)
                out.write(sealing.line({"table": name, "rows": [_plain(row) for row in rows]}))
        out.write(sealing.line({"rows": count}, is_last=True))
        out.flush()
        os.fsync(out.fileno())
    os.link(partial, file)  # unlike a rename, refuses to take another file's place
    return count


async def restore(storage: Storage, file: Path) -> Copied:
    """Put a file's copy into an empty database; all of it, or nothing.

    Raises ``NotEmpty``, ``BackupSpoilt``, ``BackupOfOther``, ``KeysDiffer``, ``StorageAway``.
    """
    for _ in _lines(file, storage.cipher):
        pass  # the whole file, before anything is touched
    lines = _lines(file, storage.cipher)
    head = next(lines)

    async def parts() -> AsyncIterator[Part]:
        for line in lines:
            if "table" in line:
                yield line["table"], [_typed(row) for row in line["rows"]]

    count = await _loaded(storage, parts(), revision=head["revision"])
    return Copied(count, datetime.fromisoformat(head["at"]))


async def move(source: Storage, target: Storage, *, at: datetime) -> Copied:
    """Copy one database into another that is empty. Raises as ``restore``."""
    if not await source.opens_canary():
        raise KeysDiffer
    async with source.reading() as uow:
        revision = await _revision(uow.connection)
        count = await _loaded(target, _parts(uow.connection), revision=revision)
    return Copied(count, at)


async def _revision(connection: Connection) -> str:
    row = await connection.first(text("SELECT version_num FROM alembic_version"))
    return str(row[0]) if row else ""


async def _parts(connection: Connection) -> AsyncIterator[Part]:
    for table in metadata.sorted_tables:
        key = tuple_(*table.primary_key.columns)
        page = select(table).order_by(*table.primary_key.columns).limit(_BATCH)
        last: tuple[Any, ...] | None = None
        while True:
            found = await connection.rows(page.where(key > last) if last is not None else page)
            if not found:
                break
            rows = [dict(row._mapping) for row in found]
            yield table.name, rows
            last = tuple(rows[-1][column.name] for column in table.primary_key.columns)


async def _loaded(storage: Storage, parts: AsyncIterator[Part], *, revision: str) -> int:
    count = 0
    async with storage.writing() as uow:
        if await _revision(uow.connection) != revision:
            raise BackupOfOther
        if await uow.locks.announced() or not await _is_empty(uow.connection):
            raise NotEmpty
        async for name, rows in parts:
            await uow.connection.many(insert(_TABLES[name]), list(rows))  # type: ignore[arg-type]
            count += len(rows)
        await uow.locks.release_all()  # whoever held something then is not here
        await uow.locks.forget_processes()
        await _go_on_counting(uow.connection)
        await uow.commit()
    return count


async def _is_empty(connection: Connection) -> bool:
    for table in metadata.sorted_tables:
        if await connection.value(select(func.count()).select_from(select(table).limit(1).subquery())):
            return False
    return True


async def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL numbers rows by a counter that rows with numbers of their own do not move."""
    if connection.dialect != "sqlite":
        counter = "setval(pg_get_serial_sequence('history', 'id'), coalesce(max(id), 0) + 1, false)"
        await connection.run(text(f"SELECT {counter} FROM history"))  # noqa: S608  nothing foreign in it


class _Sealing:
    """The lines of one file, one after the other."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._id = new_token()
        self._number = 0

    def line(self, content: dict[str, Any], *, is_last: bool = False) -> bytes:
        about = {"copy": self._id, "number": self._number, "last": is_last, **content}
        self._number += 1
        packed = base64.b85encode(zlib.compress(json.dumps(about).encode())).decode()
        return self._cipher.seal(Secret(packed), owner=_OWNER) + b"\n"


_OWNER: Final = "backup"


def _lines(file: Path, cipher: Cipher) -> Iterator[dict[str, Any]]:
    """What stands in a file, each part after it was found to be the next of the same copy."""
    try:
        with file.open("rb") as source:
            if source.read(len(_MAGIC)) != _MAGIC:
                raise BackupSpoilt
            first: dict[str, Any] | None = None
            about: dict[str, Any] = {"last": False}
            for number, sealed in enumerate(source):
                about = _opened(sealed, cipher, is_first=number == 0)
                first = first or about
                if (about["copy"], about["number"]) != (first["copy"], number):
                    raise BackupSpoilt
                yield about
            if not about["last"]:
                raise BackupSpoilt
    except OSError as error:
        raise away(error) from error


def _opened(sealed: bytes, cipher: Cipher, *, is_first: bool) -> dict[str, Any]:
    try:
        packed = cipher.open(sealed.strip(), owner=_OWNER).reveal()
        about: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(packed)))
    except KeyLost:
        raise (KeysDiffer if is_first else BackupSpoilt) from None
    except (Misplaced, ValueError, zlib.error):
        raise BackupSpoilt from None
    return about


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """As JSON can hold it."""
    return {name: _tagged(value) for name, value in row.items()}


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$instant": value.astimezone(UTC).isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    return {"$json": value} if isinstance(value, dict | list) else value


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _untagged(value) for name, value in row.items()}


def _untagged(value: Any) -> Any:
    match value:
        case {"$instant": moment}:
            return datetime.fromisoformat(moment)
        case {"$bytes": content}:
            return base64.b64decode(content)
        case {"$json": content}:
            return content
    return value
