"""Examines a deployment and says what is right, what is wrong, and what to do next.

Each check stands alone: one that fails does not hide the others. Nothing is changed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import disk_usage
from typing import Final, TypeVar

import typer
from rich.console import Console

from bot.app import cipher_of, credentials_of, hubspot_of, needed_scopes_of, real_clock
from bot.config import Settings
from bot.doctor_network import Finding, pages_finding, provider_findings, slack_findings
from bot.domain.api_key import ApiKey
from bot.domain.channel import Channel
from bot.domain.errors import (
    PermissionMissing,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from bot.domain.hubspot import HubSpotUser, Listing, PortalDetails
from bot.domain.ids import ChannelId
from bot.domain.provider_traits import LABELS
from bot.domain.webhook import OffReason, Webhook
from bot.program import as_called
from bot.services.core.ports import Credential
from providers.http_client import http_session
from providers.hubspot.client import EMAIL_CHANNEL
from storage import Age, Storage, StorageAway, Trouble, age_of, is_current
from storage.engine import is_sqlite, sqlite_file
from storage.files import readable_by_others
from storage.unit_of_work import LEAST_ROOM

Check = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings, *, as_json: bool = False) -> bool:
    """Run every check and print what it found. Returns whether all is well."""
    findings = [await check(settings) for check in CHECKS]
    findings += await slack_findings(settings, clock=real_clock)
    findings.append(await pages_finding(settings, clock=real_clock, has_started=await has_started(settings)))
    findings += [_google(settings), _microsoft(settings), *_none_on(settings)]
    findings += await provider_findings(settings)
    findings += [*credential_findings(settings, real_clock()), *permissions(settings)]
    findings += [*await hubspot(settings), await _programs(settings), await _webhooks(settings)]
    if as_json:
        typer.echo(json_of(findings))
    else:
        show(findings, Console(highlight=False, soft_wrap=True))
    return all(finding.is_good for finding in findings)


def json_of(findings: Sequence[Finding]) -> str:
    """For programs: one object, with every finding in the order in which people read them."""
    listed = [
        {
            "what": finding.what,
            "ok": finding.is_good,
            "said": as_called(finding.said),
            "next": as_called(finding.next_step),
        }
        for finding in findings
    ]
    is_well = all(finding.is_good for finding in findings)
    return json.dumps({"ok": is_well, "findings": listed}, ensure_ascii=False, indent=2)


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings, and what to do about those that are not good."""
    for finding in findings:
        mark = "[green]ok[/green]" if finding.is_good else "[red]!![/red]"
        console.print(f"{mark}  {finding.what}: ", end="")
        console.print(as_called(finding.said), markup=False)
        if finding.next_step:
            console.print(f"    Next: {as_called(finding.next_step)}", markup=False)


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
    Trouble.ENCODING: (
        "the database does not keep its text in UTF-8, and names in other scripts would not fit into it",
        "make another one: CREATE DATABASE inboxkeeper ENCODING 'UTF8' TEMPLATE template0, and name it in "
        "INBOXKEEPER_DATABASE_URL.",
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
    Trouble.BEHIND: (
        "the database is empty, or older than this version",
        "run `python -m bot migrate` (serve does it too) and try again; before an upgrade back up with the "
        "version that serves.",
    ),
    Trouble.TOO_NEW: (
        "a newer version has changed the database, and this version cannot do this with it any more",
        "use the newer version. To go back behind it, put the backup from before the upgrade into an empty "
        "database.",
    ),
}


async def _answers(settings: Settings) -> None:
    """Raises ``StorageAway`` soon, where a migration would wait: all checks then say the same."""
    url = settings.database_url.get_secret_value()
    if is_sqlite(url) and not sqlite_file(url).exists():
        return
    storage = await _storage_of(settings)
    try:
        await storage.ping()
    finally:
        await storage.close()


async def _storage_of(settings: Settings) -> Storage:
    return await Storage.open(settings.database_url.get_secret_value(), cipher=cipher_of(settings))


async def has_started(settings: Settings) -> bool:
    """Whether a bot ever ran on this database: before that its pages cannot answer. One that cannot be
    asked had its first start, most likely."""
    try:
        await _answers(settings)
        if not await is_current(settings.database_url.get_secret_value()):
            return False
        storage = await _storage_of(settings)
        try:
            return await storage.opens_canary() is not None
        finally:
            await storage.close()
    except StorageAway:
        return True


async def _server(settings: Settings) -> Finding:
    """A file's disk; a server's connections, and whether something stands in front of it."""
    url = settings.database_url.get_secret_value()
    if is_sqlite(url):
        return _room(sqlite_file(url))
    try:
        storage = await _storage_of(settings)
        try:
            facts = await storage.server()
        finally:
            await storage.close()
    except StorageAway as error:
        what, step = trouble_words(error)
        return Finding("Server", False, what, step)
    assert facts is not None
    said = f"PostgreSQL {facts.version}, {facts.connections} connections at most"
    if facts.connections < _CONNECTIONS:
        step = f"raise max_connections, or put a pooler in front: one process takes up to {_CONNECTIONS}."
        return Finding("Server", False, said, step)
    if facts.is_behind_something:
        said += (
            f"; something answers for it at port {facts.asked or 5432}, a pooler most likely: that is fine"
        )
    return Finding("Server", True, said)


_CONNECTIONS: Final = 20


def _room(file: Path) -> Finding:
    folder = next(one for one in (file.parent, *file.absolute().parents) if one.exists())
    free = disk_usage(folder).free
    said = f"{free // 2**20} MB are free where the database is"
    if free < LEAST_ROOM:
        return Finding("Disk", False, said, "make room: with less than 100 MB writing may fail at any time.")
    return Finding("Disk", True, said)


async def _database(settings: Settings) -> Finding:
    url = settings.database_url.get_secret_value()
    try:
        await _answers(settings)
        age = await age_of(url)
    except StorageAway as error:
        what, step = trouble_words(error)
        return Finding("Database", False, what, step)
    if age is Age.BEHIND:
        step = "run `python -m bot migrate` (serve does it too)."
        if is_sqlite(url) and not sqlite_file(url).exists():
            return Finding("Database", True, "there is none yet: the first start makes it", step)
        return Finding("Database", True, "it answers, but is empty or older than this version", step)
    if age is Age.AHEAD:
        step = "back up, rekey and erase with the newer version."
        return Finding(
            "Database", True, "it answers; a newer version made its tables, and this one serves", step
        )
    return Finding("Database", True, "it answers and is up to date")


async def _files(settings: Settings) -> Finding:
    return _modes(settings)


def _private(settings: Settings) -> list[str]:
    """What holds secrets beside the database."""
    return [".env", *filter(None, [settings.microsoft_certificate_file])]


def _modes(settings: Settings) -> Finding:
    """Whether others on this machine may read what lies here: people's addresses, and the keys."""
    url = settings.database_url.get_secret_value()
    known = readable_by_others(sqlite_file(url)) if is_sqlite(url) else []
    known += [one for one in map(Path, _private(settings)) if one.exists() and one.stat().st_mode & 0o077]
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
        storage = await _storage_of(settings)
        try:
            fits = await storage.opens_canary()
        finally:
            await storage.close()
    except StorageAway as error:
        what, step = trouble_words(error)
        return Finding("Keys", False, f"could not be tried: {what}", step)
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


async def _webhooks(settings: Settings) -> Finding:
    """Who is told of mailboxes, and how that goes."""
    what, url = "Webhooks", settings.database_url.get_secret_value()
    if not settings.api:
        return Finding(what, True, "nobody is told (INBOXKEEPER_API)")
    try:
        await _answers(settings)
        if not await is_current(url):
            return Finding(what, True, "there are none yet")
        storage = await Storage.open(url, cipher=cipher_of(settings))
        try:
            async with storage.reading() as uow:
                found = [
                    it for one in await uow.workspaces.served() for it in await uow.webhooks.of_workspace(one)
                ]
                waiting = await uow.webhooks.waiting()
        finally:
            await storage.close()
    except StorageAway as error:
        return Finding(what, False, f"could not be read: {trouble_words(error)[0]}")
    said = "; ".join(webhook_words(it, waiting.get(it.id, 0)) for it in found)
    ill = [it for it in found if it.off_at is not None or it.failing_since is not None]
    step = "" if not ill else f"repair the receiver, then: python -m bot webhook test {ill[0].id}"
    # Somebody else's receiver is no fault of this installation's.
    return Finding(what, True, said or "there are none", step)


def webhook_words(it: Webhook, waiting: int) -> str:
    """How it does; ``waiting`` events have not been taken yet."""
    if it.off_at is not None:
        why = "the receiver is gone" if it.off_reason is OffReason.GONE else "it took nothing for days"
        how = f"switched off {it.off_at:%Y-%m-%d %H:%M} UTC, because {why}"
    elif it.proven_at is None:
        how = "on once a test was taken"
    elif it.failing_since is not None:
        how = f"failing since {it.failing_since:%Y-%m-%d %H:%M} UTC (last answer {it.last_answer or 'none'})"
    else:
        how = "on"
    events = "1 event waits" if waiting == 1 else f"{waiting} events wait"
    return f"{it.name} ({it.id}) at {it.host}: {how}" + (f", {events}" if waiting else "")


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
    return [_key_words(key, [it.address for it in _open_to(key, channels)]) for key in found]


def _open_to(key: ApiKey, channels: Mapping[ChannelId, Channel]) -> list[Channel]:
    """The inboxes that it names, but for personal ones that their owners have not allowed."""
    named = (channels[one] for one in key.channels if one in channels)
    return [it for it in named if key.may_see(it.id, owner_id=it.owner_id)]


def _key_words(key: ApiKey, addresses: list[str]) -> str:
    at = "all team addresses" if key.is_for_team else ", ".join(sorted(addresses)) or "no address any more"
    features = ", ".join(sorted(key.features))
    return f"{key.name} (key {key.id}) at {at} for {features}, until {key.expires_at:%Y-%m-%d}"


def _google(settings: Settings) -> Finding:
    redirect = _redirect(settings, "Google", "google")
    if settings.google is None:
        step = f"set INBOXKEEPER_GOOGLE_CLIENT_ID and _SECRET to let people connect Gmail. {redirect}"
        return Finding("Gmail", True, "switched off: no client is configured", step)
    return Finding("Gmail", True, "a client is configured", redirect)


def _microsoft(settings: Settings) -> Finding:
    label = "Office 365 and Outlook.com"
    redirect = _redirect(settings, "Microsoft", "microsoft")
    if settings.microsoft is None:
        step = f"set INBOXKEEPER_MICROSOFT_CLIENT_ID and _SECRET to let people connect them. {redirect}"
        return Finding(label, True, "switched off: no client is configured", step)
    proof = "a certificate" if settings.microsoft.certificate else "a secret"
    whose = f"{settings.microsoft.tenant}, mode {settings.microsoft.mode}"
    said = f"a client with {proof} is configured for {whose}"
    return Finding(label, True, said, redirect)


def _none_on(settings: Settings) -> list[Finding]:
    """Each of them may be off; all of them leave nothing to do."""
    if settings.google or settings.microsoft or settings.imap:
        return []
    step = "set a client for Google or Microsoft (docs/install.md), or INBOXKEEPER_IMAP=true for other hosts."
    return [Finding("Mail", False, "no mail provider is on: nobody can connect an inbox", step)]


def credential_findings(settings: Settings, now: datetime) -> list[Finding]:
    """How long what proves us to Microsoft lasts."""
    return [_lasts(one, one.ends_at - now) for one in credentials_of(settings)]


def _lasts(credential: Credential, left: timedelta) -> Finding:
    what = f"Microsoft's {credential.what}"
    step = (
        "make a new one in the Entra admin center › App registrations › your app › Certificates & secrets, "
        "and set it."
    )
    if left <= timedelta():
        return Finding(what, False, f"it ended on {credential.ends_at:%Y-%m-%d}", step)
    said = f"it lasts {left.days} days more"
    return Finding(what, False, said, step) if left <= _ENDS_SOON else Finding(what, True, said)


_ENDS_SOON: Final = timedelta(days=7)


def _redirect(settings: Settings, company: str, key: str) -> str:
    address = addresses_at(settings.base_url)[key]
    return f"{company}'s client must list exactly this redirect URI: {address}"


def addresses_at(base_url: str) -> dict[str, str]:
    """What Slack's, Google's and Microsoft's forms ask for, by whose form it is."""
    base = base_url.rstrip("/")
    return {
        "google": f"{base}/callback/google",
        "microsoft": f"{base}/callback/microsoft",
        "slack": f"{base}/slack/events",
        "privacy": f"{base}/",
    }


T = TypeVar("T")


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

CHECKS: Final[tuple[Check, ...]] = (_database, _files, _server, _keys)
