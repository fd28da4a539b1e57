"""The commands, as ``inboxkeeper …`` where it is installed and as ``python -m bot …`` anywhere.

The one rule: what can go wrong for the operator is said in words and ends with status 2, without a
traceback. Each command imports what it needs, so that ``keygen`` works before anything is set up.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from cryptography.fernet import Fernet

from bot.config import Settings, SettingsError, load
from bot.config_validators import base_url as base_url_of
from bot.manifest import COMMAND, ManifestError, render
from bot.manifest import manifest as document
from bot.program import VERSION, as_called, example_of_settings

app = typer.Typer(
    help="Inboxkeeper keeps a team's mailboxes connected, from Slack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"inboxkeeper {VERSION}")
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Inboxkeeper keeps a team's mailboxes connected, from Slack."""


class Transport(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


@app.command()
def serve() -> None:
    """Run the bot until it is stopped."""
    settings = _settings()
    with _loading():
        _load_structlog_without_rich()
        from bot import operator_commands

    asyncio.run(operator_commands.serve(settings))


@contextmanager
def _loading() -> Iterator[None]:
    """What is loaded stays: looking for garbage in it, 350 times, takes a tenth of the CPU."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _load_structlog_without_rich() -> None:
    """structlog loads rich, and that Pygments, wherever they are: for tracebacks with local variables, which
    hold secrets and are never written. They would be a tenth of the start and of the memory."""
    if {"rich", "structlog"} & sys.modules.keys():
        return  # it is too late
    sys.modules["rich"] = None  # type: ignore[assignment] # how Python is told that there is none
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]


@app.command()
def migrate() -> None:
    """Bring the database up to date (serve does it too)."""
    settings = _settings()
    from bot import operator_commands

    asyncio.run(operator_commands.migrate(settings))


@app.command()
def settings() -> None:
    """Print all settings as a file to be filled in: inboxkeeper settings > .env."""
    typer.echo(example_of_settings(), nl=False)


@app.command()
def keygen() -> None:
    """Print a new key for INBOXKEEPER_SECRET_KEYS."""
    typer.echo(Fernet.generate_key().decode("ascii"))


@app.command()
def rekey() -> None:
    """Encrypt what is stored anew, with the first key."""
    settings = _settings()
    from bot import operator_commands

    asyncio.run(operator_commands.rekey(settings))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
) -> None:
    """Copy everything into a sealed file; may be run while the bot runs."""
    settings = _settings()
    from bot import operator_commands

    asyncio.run(operator_commands.backup(settings, file))


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="What backup wrote.")]) -> None:
    """Put a backup into an empty database, SQLite or PostgreSQL."""
    settings = _settings()
    from bot import operator_commands

    asyncio.run(operator_commands.restore(settings, file))


@app.command()
def move(file: Annotated[Path, typer.Argument(help="The SQLite database to copy from.")]) -> None:
    """Copy an SQLite database into the empty one that INBOXKEEPER_DATABASE_URL names."""
    settings = _settings()
    from bot import operator_commands

    asyncio.run(operator_commands.move(settings, file))


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: everything as one object.")] = False,
) -> None:
    """Check that everything is in place.

    Settings, database, disk, keys, Slack and the address of the pages; ends with 1 if something is wrong.
    """
    settings = _settings()
    from bot.doctor import examine

    if not asyncio.run(examine(settings, as_json=as_json)):
        raise typer.Exit(1)


@app.command()
def addresses(
    base_url: Annotated[str, typer.Option(help="The bot's pages as people's browsers will reach them.")],
) -> None:
    """Print what the forms at Google, Microsoft and Slack ask for; needs no settings."""
    try:
        base = base_url_of(base_url)
    except ValueError as fault:
        _stop(f"--base-url {fault}. Next: write it like https://inboxkeeper.example.com.")
    from bot.doctor import addresses_at

    at = addresses_at(base)
    typer.echo(f"Google, Authorised redirect URI:           {at['google']}")
    typer.echo(f"Microsoft, Redirect URI (platform Web):    {at['microsoft']}")
    typer.echo(f"Slack, Request URL (only without Socket Mode): {at['slack']}")
    typer.echo(f"Home page, where a form asks for one:      {at['privacy']}")


@app.command()
def manifest(
    transport: Annotated[
        Transport, typer.Option(help="socket needs no public address; http needs --base-url.")
    ] = Transport.SOCKET,
    base_url: Annotated[str, typer.Option(help="Where Slack reaches the bot, for http.")] = "",
    command: Annotated[str, typer.Option(help="The slash command, as in INBOXKEEPER_COMMAND.")] = COMMAND,
) -> None:
    """Print the Slack app's manifest."""
    try:
        text = render(document(transport=transport.value, base_url=base_url, command=command))
    except ManifestError as fault:
        _stop(str(fault))
    typer.echo(text, nl=False)


@app.command()
def forget(
    address: Annotated[str, typer.Argument(help="The e-mail address to erase.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also if it opens other inboxes, which then stop working.")
    ] = False,
) -> None:
    """Erase an address for good, wherever it stands.

    Its grants, settings and history go; this cannot be undone. It may be run while the bot runs.
    """
    settings = _settings()
    if not yes:
        typer.confirm(f"Erase everything about {address}? This cannot be undone.", abort=True)
    from bot import operator_commands

    asyncio.run(operator_commands.forget(settings, address, force=force))


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    }
)
def key(context: typer.Context) -> None:
    """Make, list, assign and revoke program keys: key create | list | door | assign | revoke."""
    from bot.key_commands import keys

    typer.main.get_command(keys).main(args=context.args, prog_name=as_called("python -m bot key"))


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    }
)
def webhook(context: typer.Context) -> None:
    """Say where programs are told: webhook create | list | test | rotate | revoke."""
    from bot.webhook_commands import webhooks

    typer.main.get_command(webhooks).main(args=context.args, prog_name=as_called("python -m bot webhook"))


def _settings() -> Settings:
    try:
        return load()
    except SettingsError as error:
        _stop(str(error))


def _stop(words: str) -> NoReturn:
    typer.echo(as_called(words), err=True)
    raise typer.Exit(2)


def main() -> None:
    """The entry point of the installed program."""
    app(prog_name=as_called("python -m bot"))


if __name__ == "__main__":
    main()
