"""The operator's commands about webhooks: ``webhook create``, ``list``, ``edit``, ``test``, ``rotate``,
``revoke``.

The one rule: a signing secret is shown once, on standard output, alone; a receiver's whole address is never
shown, since many hold a secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from bot.app import World, real_clock, sending_webhooks
from bot.config import Settings
from bot.domain.api_key import OPERATOR
from bot.domain.errors import OutOfDate
from bot.domain.grant import Secret
from bot.domain.ids import WebhookId
from bot.domain.webhook import OffReason, Webhook, WebhookFault, WebhookRefused
from bot.key_commands import in_its_own_loop, settings_or_words, workspace_or_words
from bot.operator_commands import storage_of
from bot.program import as_called
from bot.services.connections.webhooks import Edited, Tested, WebhookChanges, Webhooks, WebhookSpec
from storage import KeyLost, Storage

webhooks = typer.Typer(help="Where programs are told of mailboxes (docs/api.md).", no_args_is_help=True)


@webhooks.command()
def create(
    name: Annotated[str, typer.Argument(help="What the program is called, as people read it.")],
    url: Annotated[str, typer.Argument(help="Where it is told: https://…; - reads it from standard input.")],
    *,
    address: Annotated[list[str] | None, typer.Option(help="A team address it is for; repeatable.")] = None,
    all_team: Annotated[bool, typer.Option("--all-team", help="For every team address.")] = False,
) -> None:
    """Make a webhook, send a test there, and show its signing secret, once."""
    spec = WebhookSpec(name, _where(url), address or (), is_for_team=all_team, created_by=OPERATOR)

    async def work(storage: Storage, service: Webhooks) -> None:
        webhook, secret = await service.create(await workspace_or_words(storage), spec)
        typer.echo(
            f"Webhook {webhook.id} for {webhook.name} at {webhook.host}. Its signing secret is shown this "
            "once; keep it where only the program can read it.",
            err=True,
        )
        tested = await service.test(webhook.id)
        if tested is not None and tested.answer.is_taken:
            typer.echo("The receiver took the test: it is told from now on.", err=True)
        else:
            typer.echo(
                f"{_not_taken(tested)} Nothing is sent before it takes a test. {_next(webhook)}", err=True
            )
        typer.echo(secret.reveal())

    _run(work)


@webhooks.command("list")
def show() -> None:
    """List the webhooks, without what only their programs know."""

    async def work(storage: Storage, service: Webhooks) -> None:
        found = await service.of_workspace(await workspace_or_words(storage))
        async with storage.reading() as uow:
            channels = await uow.channels.by_ids([one for it in found for one in it.channels])
        for it in found:
            typer.echo(_line(it, sorted(channels[one].address for one in it.channels if one in channels)))
        if not found:
            words = "There are no webhooks. `python -m bot webhook create --help` says how to make one."
            typer.echo(as_called(words))

    _run(work)


_ID = Annotated[str, typer.Argument(help="The webhook's id, as `webhook list` says.")]


@webhooks.command()
def edit(
    webhook_id: _ID,
    *,
    name: Annotated[str | None, typer.Option(help="What the program is called, as people read it.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where it is told from now on; - reads it from standard input.")
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option(help="A team address it is for, in place of those it was for; repeatable."),
    ] = None,
    all_team: Annotated[bool, typer.Option("--all-team", help="For every team address.")] = False,
) -> None:
    """Change its name, its address or its inboxes; the rest, and its signing secret, stay.

    A new address is sent a test first, and nothing is changed unless it takes it.
    """
    wanted = WebhookChanges(
        name,
        _where(url) if url is not None else None,
        is_for_team=all_team if all_team or address else None,
        addresses=address or (),
    )

    async def work(_: Storage, service: Webhooks) -> None:
        edited = await service.edit(WebhookId(webhook_id), wanted)
        if edited is None:
            raise _unknown()
        typer.echo(edited_words(edited))

    _run(work)


def _where(url: str) -> Secret:
    return Secret(typer.get_text_stream("stdin").readline().strip() if url == "-" else url)


def edited_words(edited: Edited) -> str:
    """What an edit did, and what it did not."""
    it = edited.after
    if edited.is_unchanged:
        return f"Webhook {it.id} is like this already. Nothing was changed."
    if edited.is_moved:
        return (
            f"Webhook {it.id} is changed. The receiver took the test: from now on it is told at {it.host}, "
            "with the same secret."
        )
    if edited.before.off_at is not None:
        return f"Webhook {it.id} is changed. It is still switched off. {_next(it)}"
    return f"Webhook {it.id} is changed."


@webhooks.command()
def test(webhook_id: _ID) -> None:
    """Send a test. If the receiver takes it, it is told from now on, again if it was switched off."""

    async def work(_: Storage, service: Webhooks) -> None:
        tested = await service.test(WebhookId(webhook_id))
        if tested is None:
            raise _unknown()
        if not tested.answer.is_taken:
            typer.echo(f"{_not_taken(tested)} {_next(tested.webhook)}", err=True)
            raise typer.Exit(1)
        typer.echo("The receiver took the test: it is told from now on.")
        if tested.webhook.off_at is not None:
            typer.echo("What it missed meanwhile is in the feed: GET /api/v1/events (docs/api.md).")

    _run(work)


@webhooks.command()
def rotate(webhook_id: _ID) -> None:
    """Make a new signing secret and show it, once. For 24 hours everything is signed with both."""

    async def work(_: Storage, service: Webhooks) -> None:
        secret = await service.rotate(WebhookId(webhook_id))
        if secret is None:
            raise _unknown()
        typer.echo("The former secret counts for 24 hours more. The new one is shown this once:", err=True)
        typer.echo(secret.reveal())

    _run(work)


@webhooks.command()
def revoke(webhook_id: _ID) -> None:
    """Tell a program nothing any more."""

    async def work(_: Storage, service: Webhooks) -> None:
        if not await service.revoke(WebhookId(webhook_id)):
            raise _unknown()
        typer.echo(f"Webhook {webhook_id} is told nothing any more.")

    _run(work)


def _line(it: Webhook, addresses: list[str]) -> str:
    if it.off_at is not None:
        why = "gone" if it.off_reason is OffReason.GONE else "failing"
        state = f"switched off {it.off_at:%Y-%m-%d %H:%M} UTC ({why})"
    elif it.proven_at is None:
        state = "waits for a test"
    else:
        state = f"failing since {it.failing_since:%Y-%m-%d %H:%M} UTC" if it.failing_since else "works"
    took = f"{it.succeeded_at:%Y-%m-%d %H:%M} UTC" if it.succeeded_at else "never"
    parts = [
        it.id,
        it.name,
        it.host,
        state,
        "all team addresses" if it.is_for_team else (", ".join(addresses) or "no address any more"),
        f"made by {it.created_by}",
        f"last took something {took}",
        f"last answer {it.last_answer or 'none'}",
    ]
    return " | ".join(parts)


def _not_taken(tested: Tested | None) -> str:
    answer = tested.answer.in_a_word if tested is not None else ""
    return f"The receiver did not take the test: {_answered(answer)}."


def _answered(word: str) -> str:
    return _TROUBLES.get(word, f"it answered {word}")


def _next(webhook: Webhook) -> str:
    return as_called(f"Next: see to the receiver, then run `python -m bot webhook test {webhook.id}`.")


def _unknown() -> typer.Exit:
    typer.echo(as_called("No webhook has this id. `python -m bot webhook list` shows them."), err=True)
    return typer.Exit(2)


def _run(work: Callable[[Storage, Webhooks], Awaitable[None]]) -> None:
    settings = settings_or_words()
    try:
        in_its_own_loop(_working(settings, work))
    except WebhookRefused as refused:
        what = _answered(refused.what) if refused.fault is WebhookFault.NOT_TAKEN else refused.what
        typer.echo(_WORDS[refused.fault].format(what=what), err=True)
        raise typer.Exit(1 if refused.fault is WebhookFault.NOT_TAKEN else 2) from None
    except OutOfDate:
        typer.echo("Somebody else has just changed this webhook. Nothing was changed by you.", err=True)
        raise typer.Exit(1) from None
    except KeyLost:
        typer.echo(
            "INBOXKEEPER_SECRET_KEYS do not open this webhook. Next: revoke it, and make it anew.", err=True
        )
        raise typer.Exit(2) from None


async def _working(settings: Settings, work: Callable[[Storage, Webhooks], Awaitable[None]]) -> None:
    async with storage_of(settings, newer_too=True) as storage, sending_webhooks(settings, World()) as sender:
        if not settings.api:
            typer.echo("Programs are told once INBOXKEEPER_API=true is set and Inboxkeeper runs.", err=True)
        await work(storage, Webhooks(storage, real_clock, sender))


_WORDS: Final = {
    WebhookFault.NAME: "A webhook's name is one line of 1 to 60 characters.",
    WebhookFault.URL: "A webhook's address is written like https://desk.example.com/hooks/inboxkeeper.",
    WebhookFault.NOTHING_NAMED: (
        "Say what the webhook is for: either --all-team, or --address for each team address."
    ),
    WebhookFault.UNKNOWN_ADDRESS: (
        "{what} is not connected. Next: connect it in Slack first (/inbox connect)."
    ),
    WebhookFault.MADE: "This webhook has been made already.",
    WebhookFault.NOT_TAKEN: (
        "The new address did not take the test: {what}. Nothing was changed. Next: see to the receiver (does "
        "it have the secret?), then run this once more."
    ),
    WebhookFault.PERSONAL: (
        "{what} is a personal inbox: programs hear nothing of those, because their owners have not been "
        "asked. Only team addresses can be named."
    ),
}
_TROUBLES: Final = {
    "timeout": "there was no answer within 15 seconds",
    "no_connection": "there was no connection",
    "certificate": "its certificate is not one that is trusted",
    "not_http": "its answer was no HTTP",
    "host_refused": (
        "its name is unknown, or leads to an inner network (INBOXKEEPER_WEBHOOK_ALLOWED_NETWORKS)"
    ),
    "not_a_public_host": "it is in an inner network (INBOXKEEPER_WEBHOOK_ALLOWED_NETWORKS)",
    "unknown_host": "its name is unknown",
    "not_a_host_name": "its address must be a name, not a number",
    "not_a_full_name": "its name must be a full one, with a dot",
    "port_not_allowed": "its port is not allowed (INBOXKEEPER_WEBHOOK_ALLOWED_PORTS)",
    "not_encrypted": "it must be https, unless it is in INBOXKEEPER_WEBHOOK_ALLOWED_NETWORKS",
}
