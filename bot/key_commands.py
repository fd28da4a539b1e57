"""The operator's commands about program keys: made, listed, given to somebody to look after, revoked.

The one rule: a key is shown once, on standard output, alone; it is never an argument, and never in a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

import typer

from bot.app import real_clock
from bot.config import Settings, SettingsError, load
from bot.domain.api_key import LONGEST_LIFE, OPERATOR, ApiKey, KeyFault, KeyRefused, OwnerAnswer, id_in
from bot.domain.channel import Channel
from bot.domain.ids import ApiKeyId, ChannelId, UserId, WorkspaceId
from bot.operator_commands import storage_of
from bot.program import as_called
from bot.services.connections.api_keys import ApiKeys, KeySpec
from storage import Storage

T = TypeVar("T")

keys = typer.Typer(
    help="Program keys, by which programs get access tokens (docs/api.md).", no_args_is_help=True
)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the program is called, as people read it.")],
    *,
    address: Annotated[list[str] | None, typer.Option(help="An inbox it is for; repeatable.")] = None,
    all_team: Annotated[bool, typer.Option("--all-team", help="For every team address.")] = False,
    feature: Annotated[
        list[str] | None, typer.Option(help="A feature of INBOXKEEPER_FEATURES_FILE; repeatable.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it works.")] = 365,
    network: Annotated[
        list[str] | None, typer.Option(help="Where it may come from, like 10.0.0.0/8; repeatable.")
    ] = None,
) -> None:
    """Make a key and show it, once."""
    if days > LONGEST_LIFE.days:
        _refuse(KeyRefused(KeyFault.LIFE))
    spec = KeySpec(
        name=name,
        addresses=address or (),
        is_for_team=all_team,
        features=feature or (),
        lasts=timedelta(days=days),
        networks=network or (),
        created_by=OPERATOR,
    )
    settings = settings_or_words()

    async def work(storage: Storage, service: ApiKeys) -> None:
        key, secret = await service.create(await workspace_or_words(storage), spec)
        typer.echo(
            f"Key {key.id} for {key.name}, until {key.expires_at:%Y-%m-%d}. It is shown "
            "this once; keep it where only the program can read it.",
            err=True,
        )
        if key.asked:
            typer.echo(
                "The owners of personal inboxes among them are asked in Slack; until they allow it, it gets "
                "nothing there.",
                err=True,
            )
        _say_if_off(settings)
        typer.echo(secret.reveal())

    _run(settings, work)


@keys.command("list")
def show() -> None:
    """List the keys, without what only their programs know."""

    async def work(storage: Storage, service: ApiKeys) -> None:
        found = await service.of_workspace(await workspace_or_words(storage))
        async with storage.reading() as uow:
            channels = await uow.channels.by_ids([one for key in found for one in key.channels])
            makers = {UserId(key.created_by) for key in found if key.created_by != OPERATOR}
            people = await uow.people.by_ids(found[0].workspace_id, makers) if makers else {}
        for key in found:
            person = people.get(UserId(key.created_by))
            typer.echo(_line(key, named(key, channels), real_clock(), person.email if person else ""))
        if not found:
            typer.echo(
                as_called("There are no keys. `python -m bot key create --help` says how to make one.")
            )

    _run(settings_or_words(), work)


@keys.command()
def door(
    key_id: Annotated[str, typer.Argument(help="The key's eight characters, as `key list` says.")],
) -> None:
    """Make an address for EmailEngine's authentication server, and show it, once. A former one is void."""
    settings = settings_or_words()

    async def work(_: Storage, service: ApiKeys) -> None:
        secret = await service.open_door(ApiKeyId(_id_alone(key_id)))
        if secret is None:
            raise _unknown()
        typer.echo(
            "Whoever has this address gets what the key gets. It is shown this once; `key door` "
            "makes another, `key revoke` ends it.",
            err=True,
        )
        _say_if_off(settings)
        typer.echo(f"{settings.base_url.rstrip('/')}/api/emailengine/{secret.reveal()}")

    _run(settings, work)


@keys.command()
def assign(
    key_id: Annotated[str, typer.Argument(help="The key's eight characters, as `key list` says.")],
    email: Annotated[str, typer.Option("--for", help="E-mail address at Slack of whoever looks after it.")],
) -> None:
    """Say who looks after a program: if they leave, the super admins are asked about its key."""

    async def work(storage: Storage, service: ApiKeys) -> None:
        person = await _person_or_words(storage, await workspace_or_words(storage), email)
        if not await service.assign(ApiKeyId(_id_alone(key_id)), person):
            raise _unknown()
        typer.echo(f"{email} looks after the program of key {_id_alone(key_id)} from now on.")

    _run(settings_or_words(), work)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's eight characters, as `key list` says.")],
) -> None:
    """Take a key back. Tokens that it has been given live up to 90 minutes more."""
    key_id = _id_alone(key_id)

    async def work(_: Storage, service: ApiKeys) -> None:
        if not await service.revoke(ApiKeyId(key_id)):
            raise _unknown()
        typer.echo(
            f"Key {key_id} gets nothing any more. Tokens that it has been given live up to 90 minutes more."
        )

    _run(settings_or_words(), work)


def named(key: ApiKey, channels: Mapping[ChannelId, Channel]) -> list[str]:
    """The inboxes that it names, and what the owners of personal ones have said."""
    there = sorted((channels[one] for one in key.channels if one in channels), key=lambda it: it.address)
    return [f"{it.address}{_word(key, it)}" for it in there]


def _word(key: ApiKey, channel: Channel) -> str:
    if key.may_see(channel.id, owner_id=channel.owner_id):
        return ""
    asked = key.asked.get(channel.id)
    is_waiting = asked is not None and asked.answer is OwnerAnswer.WAITS
    return " (waits for its owner)" if is_waiting else " (not allowed by its owner)"


def _say_if_off(settings: Settings) -> None:
    if not settings.api:
        typer.echo("It works once INBOXKEEPER_API=true is set and Inboxkeeper is restarted.", err=True)


def _id_alone(typed: str) -> str:
    """The key's eight characters, also where somebody has typed the whole key."""
    found = id_in(typed)
    if found is not None:
        typer.echo(
            "That is a whole key, and now in this shell's history. Only its eight characters are needed.",
            err=True,
        )
    return found or typed


def _unknown() -> typer.Exit:
    typer.echo(as_called("No key that works has this id. `python -m bot key list` shows them."), err=True)
    return typer.Exit(2)


def _line(key: ApiKey, addresses: list[str], now: datetime, whose: str) -> str:
    state = "works" if key.works(now) else ("revoked" if key.revoked_at else "expired")
    used = (
        f"{key.last_used_at:%Y-%m-%d %H:%M} UTC from {key.last_used_from or 'an unknown address'}"
        if key.last_used_at
        else "never"
    )
    parts = [
        key.id,
        key.name,
        state,
        f"until {key.expires_at:%Y-%m-%d}",
        "all team addresses" if key.is_for_team else (", ".join(addresses) or "no address any more"),
        f"features {', '.join(sorted(key.features))}",
        f"from {', '.join(map(str, key.networks)) or 'anywhere'}",
        f"looked after by {whose or key.created_by}",
        f"last used {used}",
        *(["has an address for EmailEngine (key door)"] if key.has_door else []),
    ]
    return " | ".join(parts)


def _run(settings: Settings, work: Callable[[Storage, ApiKeys], Awaitable[None]]) -> None:
    async def run() -> None:
        async with storage_of(settings, newer_too=True) as storage:
            service = ApiKeys(storage, clock=real_clock, features=settings.features)
            await work(storage, service)

    try:
        in_its_own_loop(run())
    except KeyRefused as refused:
        _refuse(refused)


def in_its_own_loop(work: Coroutine[object, object, None]) -> None:
    """A command's work, to its end."""
    asyncio.run(work)


async def workspace_or_words(storage: Storage) -> WorkspaceId:
    """The one workspace. Without one the process ends, in words."""
    async with storage.reading() as uow:
        found = await uow.workspaces.served()
    if len(found) != 1:
        words = "Inboxkeeper has not met its Slack workspace yet. Next: run `python -m bot serve` once."
        typer.echo(as_called(words), err=True)
        raise typer.Exit(2)
    return found[0]


async def _person_or_words(storage: Storage, workspace_id: WorkspaceId, email: str) -> UserId:
    """Who has this address at Slack. Without anybody the process ends, in words."""
    async with storage.reading() as uow:
        person = await uow.people.by_email(workspace_id, email)
    if person is None:
        typer.echo(
            f"Nobody who is in the Slack workspace has the address {email}. Next: take the one that stands "
            "in their Slack profile.",
            err=True,
        )
        raise typer.Exit(2)
    return person.id


def settings_or_words() -> Settings:
    """The settings. What is wrong with them ends the process, in words."""
    try:
        return load()
    except SettingsError as error:
        typer.echo(as_called(str(error)), err=True)
        raise typer.Exit(2) from None


def _refuse(refused: KeyRefused) -> None:
    typer.echo(_WORDS[refused.fault].format(what=refused.what), err=True)
    raise typer.Exit(2) from None


_WORDS: Final = {
    KeyFault.NAME: "A key's name is one line of 1 to 60 characters.",
    KeyFault.NOTHING_NAMED: "Say what the key is for: either --all-team, or --address for each inbox.",
    KeyFault.UNKNOWN_ADDRESS: "{what} is not connected. Next: connect it in Slack first (/inbox connect).",
    KeyFault.NO_FEATURE: (
        "Say with --feature what the key may be used for. Features come from INBOXKEEPER_FEATURES_FILE; "
        "defined there: {what}."
    ),
    KeyFault.UNKNOWN_FEATURE: "INBOXKEEPER_FEATURES_FILE defines no feature called {what}.",
    KeyFault.NETWORK: "{what} is no network. Write it like 10.20.0.0/16, or one address.",
    KeyFault.LIFE: "A key works for 1 to 1098 days.",
    KeyFault.MADE: "This key has been made already.",
}
