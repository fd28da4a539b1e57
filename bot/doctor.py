"""Examines a deployment and says what is right, what is wrong, and what to do next.

Each check stands alone: one that fails does not hide the others. Nothing is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console

from bot.app import cipher_of, client_of, needed_scopes_of, real_clock
from bot.config import Settings
from bot.config_validators import is_loopback
from bot.domain.api_key import ApiKey
from bot.domain.errors import SlackAway, SlackRefused
from bot.metrics import Metrics
from bot.slack.manifest import SCOPES
from providers.http_client import http_session
from providers.registry import LABELS
from storage import Storage, StorageAway, Trouble, is_current
from storage.engine import is_sqlite, sqlite_file
from storage.files import readable_by_others

_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. ``next_step`` is empty when there is nothing to do."""

    what: str
    is_good: bool
    said: str
    next_step: str = ""


Check = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings) -> bool:
    """Run every check and print what it found. Returns whether all is well."""
    findings = [await check(settings) for check in CHECKS]
    findings += [_google(settings), _microsoft(settings), *permissions(settings)]
    show(findings, Console(highlight=False, soft_wrap=True))
    return all(finding.is_good for finding in findings)


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings, and what to do about those that are not good."""
    for finding in findings:
        mark = "[green]ok[/green]" if finding.is_good else "[red]!![/red]"
        console.print(f"{mark}  {finding.what}: ", end="")
        console.print(finding.said, markup=False)
        if finding.next_step:
            console.print(f"    Next: {finding.next_step}", markup=False)


def trouble_words(error: StorageAway) -> tuple[str, str]:
    """What is the matter with the database, and what to do: for the operator, without a stop at the end of
    the first."""
    what, step = _TROUBLES[error.trouble]
    return f"{what} ({error.said})" if error.said else what, step


_TROUBLES: Final = {
    Trouble.AWAY: (
        "the database does not answer",
        "check INBOXKEEPER_DATABASE_URL, whether the server (or the file's folder) is there, and whether a "
        "pool in front of it is full.",
    ),
    Trouble.BUSY: (
        "the database is locked by another program",
        "end whatever else has it open, a backup or a shell, and try again.",
    ),
    Trouble.FULL: (
        "the disk of the database is full",
        "make room; nothing is lost, and a running bot goes on by itself.",
    ),
    Trouble.READ_ONLY: (
        "the database cannot be written",
        "let the user that runs Inboxkeeper write its file and folder; of PostgreSQL use the primary server.",
    ),
    Trouble.NO_DATABASE: (
        "the file is not a database of Inboxkeeper's",
        "check INBOXKEEPER_DATABASE_URL; if the file was overwritten, put back a backup.",
    ),
    Trouble.DAMAGED: (
        "the database is damaged",
        "stop Inboxkeeper, keep a copy of the file, and put back a backup; `sqlite3 FILE .recover` saves "
        "what can still be read.",
    ),
    Trouble.TOO_OLD: (
        "the database was made before the first release, and this version cannot bring it up to date",
        "name an empty database in INBOXKEEPER_DATABASE_URL, or move the SQLite file away, and let people "
        "connect their inboxes again; the old one stays as it is. To end what it still holds at the mail "
        "providers, run the version that made it once more and remove the inboxes there.",
    ),
}


async def _answers(settings: Settings) -> None:
    """Raises ``StorageAway`` soon, where a migration would wait: all checks then say the same."""
    url = settings.database_url.get_secret_value()
    if is_sqlite(url) and not sqlite_file(url).exists():
        return
    storage = await Storage.open(url, cipher=cipher_of(settings))
    try:
        await storage.ping()
    finally:
        await storage.close()


async def _database(settings: Settings) -> Finding:
    url = settings.database_url.get_secret_value()
    try:
        await _answers(settings)
        current = await is_current(url)
    except StorageAway as error:
        what, step = trouble_words(error)
        return Finding("Database", False, what, step)
    if not current:
        step = "run `python -m bot migrate` (serve does it too)."
        return Finding("Database", True, "it answers, but is empty or older than this version", step)
    return Finding("Database", True, "it answers and is up to date")


async def _files(settings: Settings) -> Finding:
    return _modes(settings)


def _modes(settings: Settings) -> Finding:
    """Whether others on this machine may read what lies here: people's addresses, and the keys."""
    url = settings.database_url.get_secret_value()
    known = readable_by_others(sqlite_file(url)) if is_sqlite(url) else []
    dotenv = Path(".env")
    if dotenv.exists() and dotenv.stat().st_mode & 0o077:
        known.append(dotenv)
    if not known:
        return Finding("Files", True, "only their owner may read them")
    said = f"others on this machine may read {', '.join(map(str, known))}"
    return Finding("Files", False, said, f"run `chmod go= {' '.join(map(str, known))}`.")


async def _keys(settings: Settings) -> Finding:
    url = settings.database_url.get_secret_value()
    try:
        await _answers(settings)
        if not await is_current(url):
            return Finding("Keys", True, "nothing is stored yet")
        storage = await Storage.open(url, cipher=cipher_of(settings))
        try:
            fits = await storage.opens_canary()
        finally:
            await storage.close()
    except StorageAway as error:
        return Finding("Keys", False, f"could not be tried: {trouble_words(error)[0]}")
    if fits is None:
        return Finding("Keys", True, "nothing is stored yet")
    if fits:
        return Finding("Keys", True, "they open what is stored")
    step = "put the old key behind the new one in INBOXKEEPER_SECRET_KEYS, separated by a comma."
    return Finding("Keys", False, "they do not open what is stored", step)


async def _programs(settings: Settings) -> Finding:
    """Who may be given access tokens: what an operator should be able to say at any time."""
    what, url = "Programs", settings.database_url.get_secret_value()
    if not settings.api:
        return Finding(what, True, "none is given access (INBOXKEEPER_API)")
    try:
        await _answers(settings)
        if not await is_current(url):
            return Finding(what, True, "there are no keys yet")
        storage = await Storage.open(url, cipher=cipher_of(settings))
        try:
            said = await _keys_that_work(storage, real_clock())
        finally:
            await storage.close()
    except StorageAway as error:
        return Finding(what, False, f"could not be read: {trouble_words(error)[0]}")
    return Finding(what, True, "; ".join(said) or "there are no keys that work")


async def _keys_that_work(storage: Storage, now: datetime) -> list[str]:
    """Each with what it is for."""
    async with storage.reading() as uow:
        found = [
            key
            for workspace in await uow.workspaces.served()
            for key in await uow.api_keys.of_workspace(workspace)
            if key.works(now)
        ]
        channels = await uow.channels.by_ids(sorted({one for key in found for one in key.channels}))
    return [
        _key_words(key, [channels[one].address for one in key.channels if one in channels]) for key in found
    ]


def _key_words(key: ApiKey, addresses: list[str]) -> str:
    at = "all team addresses" if key.is_for_team else ", ".join(sorted(addresses)) or "no address any more"
    features = ", ".join(sorted(key.features))
    return f"{key.name} (key {key.id}) at {at} for {features}, until {key.expires_at:%Y-%m-%d}"


async def _slack(settings: Settings) -> Finding:
    async with http_session() as session:
        client = client_of(settings, session=session, clock=real_clock, metrics=Metrics.build())
        try:
            answer = await client.response("auth.test", within=_SECONDS)
        except SlackRefused as error:
            step = "copy the Bot User OAuth Token again; reinstall the app if it was removed."
            return Finding("Slack", False, f"it refuses the token ({error.code})", step)
        except SlackAway:
            return Finding("Slack", False, "it cannot be reached", "check the network and any proxy.")
    granted = {scope for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope}
    lacking = [scope for scope in SCOPES if granted and scope not in granted]
    if lacking:
        step = "update the app from the manifest (`python -m bot manifest`) and reinstall it."
        return Finding("Slack", False, f"the app lacks the scopes {', '.join(lacking)}", step)
    transport = "Socket Mode" if settings.socket_mode else "HTTP"
    return Finding("Slack", True, f"workspace {answer.get('team', '')}, over {transport}")


async def _pages(settings: Settings) -> Finding:
    host = urlsplit(settings.base_url).hostname or ""
    address = f"{settings.base_url.rstrip('/')}/healthz"
    async with http_session() as session:
        try:
            async with asyncio.timeout(_SECONDS), session.get(address) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
    if status != 200:
        said = f"{settings.base_url} does not answer" + (f" (status {status})" if status else "")
        step = "start `python -m bot serve`, and check that INBOXKEEPER_BASE_URL leads to it."
        return Finding("Pages", False, said, step)
    if is_loopback(host):
        step = "fine for a trial; for a team, use a name with https that their browsers can open."
        return Finding("Pages", True, f"{settings.base_url} opens, but only on this machine", step)
    return Finding("Pages", True, f"{settings.base_url} opens")


def _google(settings: Settings) -> Finding:
    if settings.google is None:
        step = "set INBOXKEEPER_GOOGLE_CLIENT_ID and _SECRET to let people connect Gmail."
        return Finding("Gmail", True, "switched off: no client is configured", step)
    return Finding("Gmail", True, "a client is configured", _redirect(settings, "Google", "google"))


def _microsoft(settings: Settings) -> Finding:
    label = "Office 365 and Outlook.com"
    if settings.microsoft is None:
        step = "set INBOXKEEPER_MICROSOFT_CLIENT_ID and _SECRET to let people connect them."
        return Finding(label, True, "switched off: no client is configured", step)
    said = f"a client is configured for {settings.microsoft.tenant}, mode {settings.microsoft.mode}"
    return Finding(label, True, said, _redirect(settings, "Microsoft", "microsoft"))


def _redirect(settings: Settings, company: str, key: str) -> str:
    redirect = f"{settings.base_url.rstrip('/')}/callback/{key}"
    return f"{company}'s client must list exactly this redirect URI: {redirect}"


def permissions(settings: Settings) -> list[Finding]:
    """What is asked of whom at every consent, and on whose behalf; and what is switched off."""
    needed = needed_scopes_of(settings)
    return [*(_asked(settings, *one) for one in needed.items()), *_switched_off(settings)]


def _asked(settings: Settings, provider: str, needed: frozenset[str]) -> Finding:
    what = f"Permissions at {LABELS[provider]}"
    if not needed:
        return Finding(what, True, "none are asked for: a password opens the whole mailbox")
    always = ("keeping it connected", needed)
    more = [(one.key, one.scopes_at(provider)) for one in settings.features.at(provider)]
    said = "; ".join(f"{name}: {', '.join(sorted(scopes))}" for name, scopes in [always, *more])
    return Finding(what, True, said, _REGISTERED.get(provider, "") if more else "")


def _switched_off(settings: Settings) -> list[Finding]:
    off = [one.key for one in settings.features.defined if not one.is_on]
    return [Finding("Features", True, f"switched off: {', '.join(off)}")] if off else []


_REGISTERED: Final = {
    "google": "list the same under Data access in Google's console. Unless the audience is Internal, Google "
    "reviews an app that asks for more of Gmail than gmail.labels.",
    "microsoft": "add the same to the app registration as delegated permissions of Microsoft Graph.",
}
"""Where the operator has to name more than what is always asked for."""

CHECKS: Final[tuple[Check, ...]] = (_database, _files, _keys, _programs, _slack, _pages)
