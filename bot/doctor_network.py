"""What the doctor asks of others: Slack, and whoever answers at the address of the pages.

The one rule: nothing that is asked changes anything, and nothing that is answered is believed to be short.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlsplit

import aiohttp

from bot.app import client_of
from bot.config import Settings
from bot.config_validators import is_loopback
from bot.domain.errors import DirectoryAway, ProviderUnavailable, SlackAway, SlackRefused
from bot.domain.ids import UserId
from bot.manifest import SCOPES
from bot.metrics import Metrics
from bot.services.core.ports import Clock
from bot.slack.client import SlackClient
from bot.slack.directory import SlackDirectory
from providers.http_client import HttpClient, HttpReply, http_session, provider_session
from providers.settings import GoogleClient, MicrosoftClient

_SECONDS: Final = 10
_OPTIONAL: Final = {
    "channels:join": "which only spares people an /invite into public conversations",
    "usergroups:read": "which only user groups need",
}
_REACH: Final = "let this machine open https://slack.com itself: HTTPS_PROXY and the like are not used."
_MOST_SKEW: Final = timedelta(seconds=60)
"""Slack's signatures hold for five minutes, tokens and certificates are judged by the clock, too."""
_CERTIFICATE_LASTS: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. ``next_step`` is empty when there is nothing to do."""

    what: str
    is_good: bool
    said: str
    next_step: str = ""


async def slack_findings(settings: Settings, *, clock: Clock) -> list[Finding]:
    """Token and scopes, the clock by Slack's, Socket Mode, and whoever the settings name."""
    async with http_session() as session:
        client = client_of(settings, session=session, clock=clock, metrics=Metrics.build())
        found = await _token(settings, client, clock)
        found += [await _socket_mode(settings, client)] if settings.socket_mode else []
        return [*found, *(await _people(settings, client) if found[0].is_good else [])]


async def _token(settings: Settings, client: SlackClient, clock: Clock) -> list[Finding]:
    try:
        answer = await client.response("auth.test", within=_SECONDS)
    except SlackRefused as error:
        step = "copy the Bot User OAuth Token again; reinstall the app if it was removed."
        return [Finding("Slack", False, f"it refuses the token ({error.code})", step)]
    except SlackAway:
        return [Finding("Slack", False, "it cannot be reached", _REACH)]
    headers = {name.lower(): value for name, value in answer.headers.items()}
    granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    transport = "Socket Mode" if settings.socket_mode else "HTTP"
    known = Finding("Slack", True, f"workspace {answer.get('team', '')}, over {transport}")
    return [known, _scopes(granted), *_clock(headers.get("date", ""), clock())]


def _scopes(granted: set[str]) -> Finding:
    """Those that the app has against those that it needs."""
    needed = [scope for scope in SCOPES if scope not in _OPTIONAL]
    lacking = [scope for scope in needed if granted and scope not in granted]
    if lacking:
        step = "update the app from the manifest (`python -m bot manifest`) and reinstall it."
        return Finding("Slack scopes", False, f"the app lacks {', '.join(lacking)}", step)
    said = [f"all {len(needed)} that are needed are granted"]
    said += [f"without {scope}, {use}" for scope, use in _OPTIONAL.items() if scope not in granted]
    also = [scope for scope in _OPTIONAL if scope in granted]
    said += [f"and {', '.join(also)}"] if also else []
    return Finding("Slack scopes", True, "; ".join(said))


def _clock(date: str, now: datetime) -> list[Finding]:
    """This machine's clock against Slack's."""
    try:
        theirs = parsedate_to_datetime(date)
        skew = abs(now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)))
    except (TypeError, ValueError, OverflowError):
        return []
    if skew > _MOST_SKEW:
        step = "let this machine's clock be set by a time server (systemd-timesyncd, chrony)."
        return [Finding("Clock", False, f"it is {int(skew.total_seconds())} seconds off Slack's", step)]
    return [Finding("Clock", True, "it agrees with Slack's")]


async def _socket_mode(settings: Settings, client: SlackClient) -> Finding:
    """Whether Slack would give a connection. One that is asked for and not used costs nothing."""
    assert settings.slack_app_token is not None
    token = settings.slack_app_token.get_secret_value()
    opens = client.without_token().call("apps.connections.open", within=_SECONDS, app_token=token)
    try:
        await opens
    except SlackRefused as error:
        step = (
            "switch Socket Mode on under api.slack.com/apps › your app › Socket Mode, and copy an app-level "
            "token with connections:write again from Basic Information."
        )
        return Finding("Socket Mode", False, f"Slack refuses a connection ({error.code})", step)
    except SlackAway as away:
        if away.retry_after is not None:
            return Finding("Socket Mode", True, "Slack gave a connection less than a minute ago")
        return Finding("Socket Mode", False, "Slack cannot be reached", _REACH)
    return Finding("Socket Mode", True, "Slack gives a connection")


async def _people(settings: Settings, client: SlackClient) -> list[Finding]:
    """Whether those that the settings name are there: a slip in an id would be noticed by nobody."""
    directory = SlackDirectory(client, patience=_SECONDS)
    named = {"Super admins": settings.super_admins, "Operators": settings.operators}
    found = [await _known(what, ids, directory) for what, ids in named.items() if ids]
    return found if settings.operators else [*found, _NO_OPERATORS]


async def _known(what: str, ids: tuple[str, ...], directory: SlackDirectory) -> Finding:
    setting = f"INBOXKEEPER_{what.upper().replace(' ', '_')}"
    try:
        people = {one: await directory.person(UserId(one)) for one in ids}
    except DirectoryAway:
        return Finding(what, False, "Slack does not say who they are", "try again in a minute.")
    gone = [one for one, person in people.items() if person is None or not person.is_active_member]
    if gone:
        step = f"put ids of active members into {setting} (profile › ⋮ › Copy member ID)."
        return Finding(what, False, f"{', '.join(gone)}: no active member has this id", step)
    return Finding(what, True, ", ".join(person.name for person in people.values() if person))


_NO_OPERATORS: Final = Finding(
    "Operators",
    True,
    "nobody is named: that the disk is full, or that a secret ends, is told to the super admins",
    "set INBOXKEEPER_OPERATORS to whoever runs this, since they can mend it (profile › ⋮ › Copy member ID).",
)


async def provider_findings(settings: Settings) -> list[Finding]:
    """Whether Google and Microsoft can be reached as every look reaches them, and know what is configured.
    Google says whether a client is right before it looks at a permission: so it is shown one that nobody
    gave. Whether Microsoft does is not known; it is asked for its tenant alone."""
    found: list[Finding] = []
    async with provider_session() as session:
        wire = HttpClient(session)
        if settings.google is not None:
            found.append(await _asked("Google", _google_reply(wire, settings.google), _google_said))
        if settings.microsoft is not None:
            reply = _microsoft_reply(wire, settings.microsoft)
            found.append(await _asked("Microsoft", reply, _microsoft_said))
    return found


async def _asked(
    what: str, asked: Awaitable[HttpReply], said: Callable[[HttpReply], tuple[str, str]]
) -> Finding:
    """``said`` tells what is wrong, and what to do; nothing where all is well."""
    try:
        reply = await asked
    except ProviderUnavailable:
        step = (
            f"let this machine reach {what} itself: HTTPS_PROXY and the like are not used. A firewall that "
            "opens TLS needs its authority in this machine's store, or in SSL_CERT_FILE."
        )
        return Finding(what, False, "it cannot be reached", step)
    wrong, step = said(reply)
    return Finding(what, not wrong, wrong or "it can be reached", step)


async def _google_reply(wire: HttpClient, client: GoogleClient) -> HttpReply:
    proof = {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}
    return await wire.post_form(
        client.token_url, {**proof, "grant_type": "refresh_token", "refresh_token": "none"}
    )


def _google_said(reply: HttpReply) -> tuple[str, str]:
    error = str((reply.json_object() or {}).get("error", ""))
    if error not in {"invalid_client", "deleted_client", "disabled_client"}:
        return "", ""
    step = (
        "compare INBOXKEEPER_GOOGLE_CLIENT_ID and _SECRET with the client under Clients in Google's console; "
        "a secret that is lost is made anew there."
    )
    return f"it refuses the client ({error})", step


async def _microsoft_reply(wire: HttpClient, client: MicrosoftClient) -> HttpReply:
    return await wire.get(f"{client.login_url}/{quote(client.tenant)}/v2.0/.well-known/openid-configuration")


def _microsoft_said(reply: HttpReply) -> tuple[str, str]:
    if reply.status not in {400, 404}:
        return "", ""
    return "it does not know the tenant", "correct INBOXKEEPER_MICROSOFT_TENANT: an id, a domain, or common."


async def pages_finding(settings: Settings, *, clock: Clock, has_started: bool) -> Finding:
    """Whether the pages open where people will open them. Before the first start nobody can answer."""
    base = settings.base_url.rstrip("/")
    async with http_session() as session:
        try:
            async with (
                asyncio.timeout(_SECONDS),
                session.get(f"{base}/healthz", allow_redirects=False) as answer,
            ):
                ends = _certificate_ends(answer)
                return _opened(base, answer.status, ends - clock() if ends else None)
        except aiohttp.ClientConnectorCertificateError as error:
            return Finding("Pages", False, f"{base} has a certificate that is not trusted", _trusted(error))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return _unanswered(base, has_started=has_started)


def _unanswered(base: str, *, has_started: bool) -> Finding:
    if not has_started:
        step = "start `python -m bot serve`, then run this once more."
        if is_loopback(urlsplit(base).hostname or ""):
            step += (
                " That address opens on this machine only: for a team, set INBOXKEEPER_BASE_URL to a name "
                "with https that their browsers can open, before you give it to Google or Microsoft."
            )
        return Finding("Pages", True, f"{base} does not answer yet: the bot was never started", step)
    step = "start `python -m bot serve`, and check that INBOXKEEPER_BASE_URL leads to it."
    return Finding("Pages", False, f"{base} does not answer", step)


def _opened(base: str, status: int, lasts: timedelta | None) -> Finding:
    if status != 200:
        step = "check that INBOXKEEPER_BASE_URL, with its path, leads through the proxy to the bot."
        return Finding("Pages", False, f"{base} answers with status {status}", step)
    if lasts is not None and lasts < _CERTIFICATE_LASTS:
        step = "renew it, or see why it did not renew itself; browsers refuse the page afterwards."
        return Finding("Pages", False, f"{base} opens; its certificate ends in {lasts.days} days", step)
    if is_loopback(urlsplit(base).hostname or ""):
        step = "fine for a trial; for a team, use a name with https that their browsers can open."
        return Finding("Pages", True, f"{base} opens, but only on this machine", step)
    said = f"{base} opens" + (f"; its certificate lasts {lasts.days} days more" if lasts is not None else "")
    return Finding("Pages", True, said)


def _certificate_ends(answer: aiohttp.ClientResponse) -> datetime | None:
    transport = answer.connection.transport if answer.connection else None
    certificate = transport.get_extra_info("peercert") if transport else None
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def _trusted(error: aiohttp.ClientConnectorCertificateError) -> str:
    why = getattr(error.certificate_error, "verify_message", "") or "it could not be verified"
    return (
        f"serve one that people's browsers accept ({why}). If it is your own authority's, this machine does "
        "not know it: that matters for this check alone."
    )
