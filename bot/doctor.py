"""Examines a deployment and says what is right, what is wrong, and what to do next.

Each check stands alone: one that fails does not hide the others. Nothing is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console

from bot.app import cipher_of, client_of, hubspot_of, needed_scopes_of, real_clock
from bot.config import Settings
from bot.config_validators import is_loopback
from bot.domain.errors import (
    PermissionMissing,
    ProviderMisconfigured,
    ProviderUnavailable,
    SlackAway,
    SlackRefused,
)
from bot.domain.hubspot import HubSpotUser, Listing, PortalDetails
from bot.metrics import Metrics
from bot.slack.manifest import SCOPES
from providers.http_client import http_session
from providers.hubspot.client import EMAIL_CHANNEL
from providers.registry import LABELS
from storage import Storage, StorageAway, Trouble, is_current
from storage.engine import is_sqlite, sqlite_file
from storage.files import readable_by_others

_SECONDS: Final = 10
T = TypeVar("T")


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
    findings += await hubspot(settings)
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


async def hubspot(settings: Settings) -> list[Finding]:
    """Every call that the watch over HubSpot makes, tried; nothing where it is off."""
    async with http_session() as session:
        made = hubspot_of(settings, session=session, clock=real_clock)
        if made is None:
            return []
        client, _ = made
        tried = [
            await _tried("HubSpot's portal", client.details(), _portal_words, needed="oauth"),
            await _tried("HubSpot's channels", client.listing(), _listing_words, needed=_READ),
            await _tried("HubSpot's kinds of channels", client.channels(), _kinds_words, needed=_READ),
            await _tried("HubSpot's people", client.users(), _people_words, needed=_USERS),
        ]
    unseen = "why, who connected it, personal inboxes, and whether mail arrives (docs/hubspot.md)"
    return [*tried, Finding("HubSpot does not tell", True, unseen)]


_READ: Final = "conversations.read"
_USERS: Final = "settings.users.read"


async def _tried(what: str, call: Awaitable[T], words: Callable[[T], Finding], *, needed: str) -> Finding:
    """One call: what it brought, or what is missing. Whatever ``words`` says goes by the name ``what``."""
    try:
        return replace(words(await call), what=what)
    except PermissionMissing as missing:
        scopes = ", ".join(sorted(missing.scopes)) or needed
        step = f"add the scope {scopes} to the service key, or check that the subscription includes it."
        if needed == _USERS:
            said = "the token may not read them: only super admins and account access here are told"
            return Finding(what, True, said, step)
        return Finding(what, False, f"the token lacks {scopes}", step)
    except ProviderMisconfigured as wrong:
        step = "make a new service key in HubSpot (Development › Keys › Service keys)."
        return Finding(what, False, f"HubSpot refuses the token ({wrong.code})", step)
    except ProviderUnavailable as away:
        return Finding(what, False, f"no answer that can be used ({away.code})", "try again in a minute.")


def _portal_words(it: PortalDetails) -> Finding:
    said = f"{it.portal_id} at {it.ui_domain}, data in {it.hosting}, {it.time_zone}"
    return Finding("", True, said)


def _listing_words(it: Listing) -> Finding:
    lost = sum(not one.is_authorized for one in it.accounts)
    said = f"{len(it.accounts)} e-mail channels in {len(it.inboxes)} inboxes, {lost} of them disconnected"
    return Finding("", True, said)


def _kinds_words(it: Mapping[str, str]) -> Finding:
    name = it.get(EMAIL_CHANNEL, "")
    if "mail" in name.casefold():
        return Finding("", True, f"{EMAIL_CHANNEL} is e-mail")
    step = "tell whoever maintains Inboxkeeper: HubSpot has changed its numbers."
    return Finding("", False, f"{EMAIL_CHANNEL} is no longer e-mail ({name or 'unknown'})", step)


def _people_words(it: Sequence[HubSpotUser]) -> Finding:
    supers = sum(one.is_super_admin for one in it)
    if supers > 1:
        return Finding("", True, f"{supers} super admins among {len(it)} users")
    step = "more than one super admin in HubSpot: whoever leaves should not be the last."
    return Finding("", True, f"{supers} super admin among {len(it)} users", step)


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

CHECKS: Final[tuple[Check, ...]] = (_database, _files, _keys, _slack, _pages)
