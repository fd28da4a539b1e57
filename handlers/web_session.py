"""The browser at the other end: its language, its cookie, its forms, and a page for every fault."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from bot.domain.errors import (
    ExportTaken,
    GuestNotAllowed,
    LinkBusy,
    NotAllowed,
    OtherBrowser,
    OwnerLeft,
    Refusal,
    SignInClosed,
    TicketExpired,
    TicketSpent,
    TicketUnknown,
    TooManyTries,
    WrongWorkspace,
)
from bot.views.i18n import Language, language_for
from bot.views.pages.errors import (
    busy_page,
    not_found_page,
    problem_page,
    refusal_page,
    too_large_page,
    too_slow_page,
    unreadable_page,
    wrong_method_page,
)
from bot.views.pages.template import MARK, SOME_TEAM, Team
from handlers.errors import Away, Bug, Fault, Refused

FORM: Final = "application/x-www-form-urlencoded"
LONGEST_VALUE: Final = 4_096
FORM_WITHIN: Final = web.AppKey("form_within", float)
"""Seconds that an application gives a form to arrive."""

_FORM_SECONDS: Final = 10.0
_LARGEST_FORM: Final = 64 * 1024
_MOST_FIELDS: Final = 30
_LONGEST_NAME: Final = 64


async def read_body(request: web.Request, *, most: int, within: float) -> bytes:
    """The raw bytes, as they were sent.

    Raises ``HTTPRequestEntityTooLarge``, of which no more is read than that takes, ``HTTPRequestTimeout``
    and ``HTTPBadRequest``, the latter also for a client that hangs up: nobody is left to read it.
    """
    if (request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=request.content_length or 0)
    read = bytearray()
    try:
        if request.content.is_eof():  # it came with the headers, as most do: nothing to wait for
            read += request.content.read_nowait()
        else:
            async with asyncio.timeout(within):
                async for chunk in request.content.iter_any():
                    read += chunk
                    if len(read) > most:
                        break
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise web.HTTPBadRequest from None
    if len(read) > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(read))
    return bytes(read)


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, cut to what any of ours holds. A field that is there twice counts once.

    Raises as ``read_body``. What the request says of its own encoding is not asked: browsers write UTF-8.
    """
    if request.content_type != FORM or "Content-Encoding" in request.headers:
        raise web.HTTPBadRequest
    within = request.config_dict.get(FORM_WITHIN, _FORM_SECONDS)
    raw = await read_body(request, most=_LARGEST_FORM, within=within)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise web.HTTPBadRequest from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise web.HTTPBadRequest
    return {name[:_LONGEST_NAME]: value[:LONGEST_VALUE] for name, value in reversed(pairs)}


COOKIE: Final = "inboxkeeper_browser"
_ONLY_THIS_HOST: Final = "__Host-"
"""Browsers take a cookie of such a name from this very host alone: a neighbour under the same domain could
else give somebody a mark that the neighbour knows, and with it a part in their sign-in."""
_HTTPS_FOR: Final = "max-age=31536000"
_LASTS: Final = 30 * 60
_COOKIE_SHAPE: Final = re.compile(r"[\w-]{43}", re.ASCII)
_WEIGHTED: Final = re.compile(r"([a-z]{1,8})[\w-]*(?:\s*;\s*q=([01](?:\.\d{1,3})?))?", re.ASCII)

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    # Not none at all: without it old browsers hide where our own forms come from. Nobody else is told.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. No script, no picture but our icon, nothing from elsewhere, kept or told onward."""
HAS_SCRIPT: Final = web.ResponseKey("has_script", bool)
WITH_SCRIPT: Final = f"{HEADERS['Content-Security-Policy']}; script-src 'self'"
"""The policy of the one page that has a script, a file of ours."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where people's browsers find the pages."""

    origin: str
    """As browsers write it: small letters, no port that goes without saying."""
    prefix: str
    """The path under which a proxy serves them; mostly empty."""
    is_secure: bool
    team: Team = SOME_TEAM
    """Where they lead back to."""

    @classmethod
    def at(cls, base_url: str, team: Team = SOME_TEAM) -> Site:
        parts = urlsplit(base_url)
        return cls(str(URL(base_url).origin()), parts.path.rstrip("/"), parts.scheme == "https", team)

    @property
    def is_loopback(self) -> bool:
        """Plain http is allowed there only."""
        return not self.is_secure

    @property
    def cookie(self) -> str:
        """The name of the browser's mark; plain http knows no better one."""
        return f"{_ONLY_THIS_HOST}{COOKIE}" if self.is_secure else COOKIE

    @property
    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        return {**HEADERS, "Strict-Transport-Security": _HTTPS_FOR} if self.is_secure else HEADERS


def page(html: str, *, status: int = 200) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def form_page(html: str, *, status: int = 200) -> web.Response:
    """The one page with a script, ours, which shows and hides the password in its form."""
    response = page(html, status=status)
    response[HAS_SCRIPT] = True
    return response


def see_other(path: str) -> web.Response:
    """Open that instead, with a GET."""
    return web.Response(status=303, headers={"Location": path})


def language_wanted(request: web.Request) -> Language:
    """The browser's first choice among the languages we have; English otherwise."""
    wanted = request.headers.get("Accept-Language", "")[:200].casefold()
    best, weight = "en", 0.0
    for part in wanted.split(","):
        found = _WEIGHTED.fullmatch(part.strip())
        if found and (given := float(found[2] or 1)) > weight and language_for(found[1]).code == found[1]:
            best, weight = found[1], given
    return language_for(best)


def browser_of(request: web.Request, site: Site) -> str | None:
    """Which browser this is: a digest of its cookie, ``None`` without one."""
    value = _cookie(request, site)
    return _digest(value) if value else None


@dataclass(frozen=True, slots=True)
class Marked:
    """A browser that has, or is about to get, a cookie."""

    browser: str
    cookie: str

    @classmethod
    def of(cls, request: web.Request, site: Site, *, offered: str = "") -> Marked:
        """``offered`` is the mark that our own form brought along; any other text counts as none."""
        # Kept if there is one: a second sign-in beside the first must not orphan it.
        cookie = _cookie(request, site) or _shaped(offered) or new_mark()
        return cls(_digest(cookie), cookie)

    def on(self, response: web.Response, site: Site) -> web.Response:
        response.set_cookie(
            site.cookie,
            self.cookie,
            max_age=_LASTS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=site.is_secure,
        )
        return response


def is_own_form(request: web.Request, site: Site) -> bool:
    """Whether a POST comes from a page of ours.

    Browsers say so in ``Sec-Fetch-Site``; older ones in ``Origin``. What says neither is no browser that
    somebody else's page could have made do this.
    """
    said = request.headers.get("Sec-Fetch-Site")
    if said is not None:
        return said in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is None or origin == site.origin


def new_mark() -> str:
    """What a browser may be told apart by. A page's form carries one, so that a double click, whose second
    request leaves before the first has set the cookie, comes from one browser and not from two."""
    return secrets.token_urlsafe(32)


async def mark_offered(request: web.Request) -> str:
    """The mark in a form of ours; empty for whatever else was posted. Raises as ``read_form``."""
    return (await read_form(request)).get(MARK, "") if request.content_type == FORM else ""


def _cookie(request: web.Request, site: Site) -> str:
    return _shaped(request.cookies.get(site.cookie, ""))


def _shaped(value: str) -> str:
    return value if _COOKIE_SHAPE.fullmatch(value) else ""


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


_FORBIDDEN: Final = (OtherBrowser, NotAllowed, OwnerLeft, GuestNotAllowed, WrongWorkspace)
_OVER: Final = 410
_UNREADABLE: Final = {400: unreadable_page, 408: too_slow_page, 413: too_large_page}


_HAD_A_LINK: Final = (
    TicketExpired,
    TicketSpent,
    TooManyTries,
    OtherBrowser,
    ExportTaken,
    LinkBusy,
    SignInClosed,
    NotAllowed,
    OwnerLeft,
    GuestNotAllowed,
)
"""What only a link of ours leads to. Whoever has one may read whose it is; a stranger learns no workspace."""


def fault_page(lang: Language, fault: Fault, site: Site, *, secret: str = "") -> web.Response:
    """What went wrong, for whoever asked. ``secret`` is that of the link, where one can be had anew."""
    match fault:
        case Refused(refusal):
            team = site.team if isinstance(refusal, _HAD_A_LINK) else SOME_TEAM
            may_renew = secret and isinstance(refusal, TicketExpired)
            renew_url = f"{site.prefix}/renew/{quote(secret, safe='')}" if may_renew else ""
            html = refusal_page(lang, refusal, team=team, renew_url=renew_url)
            return page(html, status=_status_of(refusal))
        case Away():
            response = page(busy_page(lang), status=503)
            response.headers["Retry-After"] = "60"
            return response
        case Bug(reference):
            return page(problem_page(lang, reference), status=500)


def http_page(lang: Language, error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses: no such address, not this way, too much."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        response = page(wrong_method_page(lang), status=405)
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    if error.status in _UNREADABLE:
        return page(_UNREADABLE[error.status](lang), status=error.status)
    return page(not_found_page(lang), status=error.status)


def _status_of(refusal: Refusal) -> int:
    if isinstance(refusal, TicketUnknown):
        return 404
    if isinstance(refusal, LinkBusy):
        return 429
    return 403 if isinstance(refusal, _FORBIDDEN) else _OVER
