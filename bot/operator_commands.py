"""The operator's commands: run, migrate, rekey, forget.

The one rule: what goes wrong is said in words and ends with status 2, never with a traceback.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, NoReturn

import structlog
import typer

from bot import log_setup
from bot.app import Bot, KeysLost, cipher_of, real_clock, running, up_to_date
from bot.config import Settings
from bot.program import as_called
from bot.slack.client import StartRefused
from storage import Age, DatabaseInUse, KeyLost, KeyUnknown, Storage, StorageAway, Trouble, age_of
from storage import migrate as migrate_database
from storage import rekey as rekey_secrets
from storage.backup import BackupOfOther, BackupSpoilt, KeysDiffer, NotEmpty, back_up
from storage.backup import move as move_to
from storage.backup import restore as restore_from
from storage.files import copies_of
from storage.forget import Forgotten
from storage.forget import forget as forget_address

_log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Run until told to stop. What goes wrong at the start is said in words and ends with status 2."""
    log_setup.configure(settings.log_format, secrets=settings.secrets())
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, lambda: task and task.cancel())
    try:
        async with running(settings) as bot:
            _say_hello(settings, bot)
            # All that is loaded now stays: collecting garbage need not walk it again, which took 90 ms.
            gc.collect()
            gc.freeze()
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        _log.info("Inboxkeeper stops")
    except (StartRefused, KeysLost, *_SAID, OSError) as error:
        stop(error)


def _say_hello(settings: Settings, bot: Bot) -> None:
    _log.info(
        "Inboxkeeper runs",
        workspace=bot.services.workspace.name,
        pages=bot.services.core.policy.base_url,
        transport="Socket Mode" if settings.socket_mode else "HTTP",
        providers_off=", ".join(bot.services.core.providers.off) or "none",
    )


async def migrate(settings: Settings) -> None:
    """The command."""
    with _in_words():
        age = await up_to_date(settings.database_url.get_secret_value())
    if age is Age.AHEAD:
        typer.echo("A newer version made the tables; this one serves with them. Nothing was changed.")
    else:
        typer.echo("The database is up to date.")


async def rekey(settings: Settings) -> None:
    """The command: every secret sealed anew with the first key. Interrupted, it is just run again."""
    async with storage_of(settings) as storage:
        renewed = await rekey_secrets(storage, progress=every(10_000))
    typer.echo(
        f"All secrets are sealed with the first key now ({renewed} were sealed anew); the other keys may go."
    )


def every(many: int) -> Callable[[int], None]:
    """Says how far it is whenever ``many`` more are done: batches seldom end at a round number."""
    said = 0

    def told(seen: int) -> None:
        nonlocal said
        if seen // many > said:
            said = seen // many
            typer.echo(f"{seen} secrets looked at …", err=True)

    return told


async def backup(settings: Settings, file: Path) -> None:
    """The command: a sealed copy of everything, also while the bot serves."""
    try:
        async with storage_of(settings) as storage:
            copied = await back_up(storage, file, at=real_clock())
    except FileExistsError:
        typer.echo(f"{file} exists already. Nothing was written. Next: name another file.", err=True)
        raise typer.Exit(2) from None
    typer.echo(
        f"{copied.rows} rows are in {file}, sealed with the first key in INBOXKEEPER_SECRET_KEYS. "
        "Keep that key somewhere else: without it the file is worth nothing."
    )


async def restore(settings: Settings, file: Path) -> None:
    """The command: a copy, put back into an empty database."""
    await _must_be_there(file)
    async with _empty(settings) as storage:
        copied = await restore_from(storage, file)
    typer.echo(
        f"{copied.rows} rows of {copied.at:%Y-%m-%d %H:%M} UTC are back. What happened later is not known: "
        "inboxes that were reconnected since are looked at, and told if their old permission has ended."
    )


async def move(settings: Settings, file: Path) -> None:
    """The command: everything in an SQLite file, copied into the database that the settings name."""
    await _must_be_there(file)
    url = f"sqlite:///{file}"
    async with _empty(settings) as target:
        age = await age_of(url)
        _whole(await migrate_database(url) if age is Age.BEHIND else age)
        source = await Storage.open(url, cipher=cipher_of(settings), exclusive=True)
        try:
            copied = await move_to(source, target, at=real_clock())
        finally:
            await source.close()
    typer.echo(f"{copied.rows} rows were copied. {file} was left as it is: delete it once all is well.")


async def _must_be_there(file: Path) -> None:
    if not await asyncio.to_thread(file.is_file):
        typer.echo(f"There is no file {file}. Next: check its name and folder.", err=True)
        raise typer.Exit(2)


@asynccontextmanager
async def _empty(settings: Settings) -> AsyncIterator[Storage]:
    """A database that nobody has used yet, for one command."""
    with _in_words():
        url = settings.database_url.get_secret_value()
        _whole(await up_to_date(url))
        storage = await Storage.open(url, cipher=cipher_of(settings), exclusive=True)
        try:
            yield storage
        finally:
            await storage.close()


async def forget(settings: Settings, address: str, *, force: bool = False) -> None:
    """The command: everything about an address, erased, and what that cannot reach, said."""
    if "@" not in unicodedata.normalize("NFKC", address):
        typer.echo(f"{address} is no e-mail address.", err=True)
        raise typer.Exit(2)
    async with storage_of(settings) as storage:
        forgotten = await forget_address(storage, address, force=force)
        copies = [copy.name for copy in copies_of(storage.file)] if storage.file else []
    if forgotten.opens and not force:
        typer.echo(_OPENS.format(address=address, others=", ".join(forgotten.opens)), err=True)
        raise typer.Exit(2)
    for line in _said_of(address, forgotten, copies):
        typer.echo(line)


_OPENS: Final = (
    "{address} opens other inboxes that are in use here: {others}. Nothing was erased. Next: remove those "
    "first (/inbox remove), or repeat this with --force; they then lose their permission, which shows within "
    "minutes, and must be connected anew."
)


def _said_of(address: str, forgotten: Forgotten, copies: Sequence[str]) -> Iterator[str]:
    """What was done, and what was not."""
    if not forgotten.count:
        yield f"Nothing is known of {address}."
    else:
        rows = ", ".join(f"{table.rstrip('_')} {count}" for table, count in sorted(forgotten.erased.items()))
        yield f"Erased: {forgotten.count} entries of {address} ({rows})."
    if forgotten.opens:
        others = ", ".join(forgotten.opens)
        yield f"Cut off, because they were opened with it: {others}. Next: remove them and connect them anew."
    if forgotten.is_at_slack:
        yield "Slack knows it as a member's address and will say so again: change it there, too."
    if not forgotten.is_swept:
        yield (
            "It is overwritten in the database's file, but the file was not written anew because Inboxkeeper "
            "runs, and the log beside it may hold it still. Next: run this once more when it is stopped."
        )
    if copies:
        names = ", ".join(copies)
        yield f"Not reached: copies made before upgrades, which may hold it ({names}). Next: delete them."
    yield (
        "Not reached either: backups, log files, messages in Slack, and what the mail provider still allows. "
        "Its owner ends that at the provider."
    )


@asynccontextmanager
async def storage_of(settings: Settings, *, newer_too: bool = False) -> AsyncIterator[Storage]:
    """The database, for one command; what goes wrong with it ends the process, in words. ``newer_too``: the
    command says no more than it knows, and may do so on a newer version's tables."""
    with _in_words():
        url = settings.database_url.get_secret_value()
        age = await age_of(url)
        if age is Age.BEHIND:
            raise StorageAway(Trouble.BEHIND)
        if not newer_too:
            _whole(age)
        storage = await Storage.open(url, cipher=cipher_of(settings))
        try:
            yield storage
        finally:
            await storage.close()


def _whole(age: Age) -> None:
    """What this version does not know of, it would neither copy, nor seal anew, nor erase."""
    if age is Age.AHEAD:
        raise StorageAway(Trouble.TOO_NEW)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except _SAID as error:
        stop(error)


def stop(error: Exception) -> NoReturn:
    """End with words instead of a traceback."""
    typer.echo(as_called(_said(error)), err=True)
    raise typer.Exit(2) from None


def _said(error: Exception) -> str:
    if isinstance(error, StorageAway):
        from bot.doctor import trouble_words

        what, step = trouble_words(error)
        return f"{what[0].upper()}{what[1:]}. Next: {step}"
    return _WORDS.get(type(error), "{error}").format(error=error)


_SAID: Final = (
    DatabaseInUse,
    StorageAway,
    KeysDiffer,
    KeyLost,
    KeyUnknown,
    NotEmpty,
    BackupSpoilt,
    BackupOfOther,
)

_WORDS: Final[dict[type[Exception], str]] = {
    DatabaseInUse: (
        "Another Inboxkeeper already uses this database file. Next: stop it first, or use PostgreSQL "
        "to run several."
    ),
    KeyLost: (
        "Some secrets could not be opened with any key in INBOXKEEPER_SECRET_KEYS; the others are done. "
        "Next: add the missing key and run this again."
    ),
    NotEmpty: (
        "The database that INBOXKEEPER_DATABASE_URL names is not empty, or Inboxkeeper runs on it. Nothing "
        "was written. Next: stop Inboxkeeper and name an empty database; this does not mix two."
    ),
    KeysDiffer: (
        "No key in INBOXKEEPER_SECRET_KEYS opens it. Nothing was written. Next: add the key that it was made "
        "with behind the first, separated by a comma, and run this again."
    ),
    BackupSpoilt: (
        "The file is no backup of Inboxkeeper's, or not a whole one. Nothing was written. Next: copy it "
        "again, or take an older one."
    ),
    BackupOfOther: (
        "The backup was made by another version. Nothing was written. Next: put it back with the version "
        "that made it, into an empty database, and upgrade afterwards: name a new empty database now."
    ),
    KeyUnknown: (
        "Inboxkeeper runs with another first key in INBOXKEEPER_SECRET_KEYS, in so many processes: "
        "{error.processes}. No secret was changed. "
        "Next: give every process both keys (the new one, a comma, the old one), restart it, and run this "
        "again. One that was killed counts for up to 2 minutes."
    ),
}
