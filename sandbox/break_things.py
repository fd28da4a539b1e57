"""The *Break things* page of the demo: plain forms, and what is broken at present.

Rule: it can do nothing of its own; every button is one request to the control API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.fault_catalog import (
    ACCOUNT,
    GROUPS,
    HUBSPOT_CHANNEL,
    LEVERS,
    MAILBOX,
    MICROSOFT_ACCOUNT,
    PEOPLE,
    Lever,
)
from sandbox.status import PATHS, Standing, Told

PATH: Final = "/break"
PAGE_LINKS: Final = (
    ("Break things", PATH),
    ("Google accounts", f"{PATH}#accounts"),
    ("Microsoft accounts", f"{PATH}#microsoft-accounts"),
    ("Mailboxes", f"{PATH}#mailboxes"),
    ("HubSpot channels", f"{PATH}#hubspot_channel"),
)
_CHOSEN: Final = (ACCOUNT.key, MICROSOFT_ACCOUNT.key, MAILBOX.key, HUBSPOT_CHANNEL.key, PEOPLE.key)
"""Groups that are about somebody: whom, stays chosen."""
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class Choice:
    """Whom the levers of a group are about: a select field."""

    label: str
    options: tuple[tuple[str, str], ...]
    """Values and what is read there."""
    selected: str


class Breaking:
    """The page, for the sandbox that answers at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(PATH, self._show)
        app.router.add_post(PATH, self._pull)
        app.cleanup_ctx.append(self._open)

    async def _open(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(self._url) as self._session:
            yield

    async def _show(self, request: web.Request) -> web.Response:
        """GET /break: all levers; after one was pulled, what to expect of it."""
        asked = request.query
        standing = await self._standing()
        html = _TEMPLATES.get_template("break.html").render(
            groups=GROUPS,
            standing=standing,
            choices=choices(standing, {key: asked.get(key) for key in _CHOSEN}),
            label=label,
            pulled=lever_of(asked.get("done", "")),
            problem=asked.get("problem", ""),
            whom=asked.get("whom", ""),
        )
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _pull(self, request: web.Request) -> web.Response:
        """POST /break: do it through the control API, then show the page again."""
        form = await request.post()
        group, lever = LEVERS.get(str(form.get("lever", "")), (None, None))
        if group is None or lever is None:
            raise web.HTTPSeeOther(f"{PATH}?{urlencode({'problem': 'There is no such button.'})}")
        kept = {key: str(form[key]) for key in _CHOSEN if key in form}
        named = {group.names: kept.get(group.key, "")} if group.names else {}
        problem = await self._told(lever.path, {**lever.body, **named})
        shown = {"problem": problem} if problem else {"done": lever.key, "whom": kept.get(group.key, "")}
        raise web.HTTPSeeOther(f"{PATH}?{urlencode({**kept, **shown})}#{group.key}")

    # --- the control API ---

    async def _told(self, path: str, body: Mapping[str, Any]) -> str:
        """Send one request; why it was refused, or nothing."""
        async with self._http.post(path, json=body) as answer:
            if answer.status < web.HTTPBadRequest.status_code:
                return ""
            told = await answer.json()
            return str(told.get("error") or told.get("reason") or answer.reason)

    async def _standing(self) -> Standing:
        return Standing.of({name: await self._read(path) for name, path in PATHS.items()})

    async def _read(self, path: str) -> dict[str, Any]:
        async with self._http.get(path) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the page is not served yet"
        return self._session


def choices(standing: Standing, chosen: Mapping[str, str | None]) -> dict[str, Choice]:
    """The select fields, by the keys of their groups."""
    return {
        ACCOUNT.key: Choice(
            "Account", _addresses(standing.google), _first(standing.google, chosen, ACCOUNT.key)
        ),
        MICROSOFT_ACCOUNT.key: Choice(
            "Account",
            _addresses(standing.microsoft),
            _first(standing.microsoft, chosen, MICROSOFT_ACCOUNT.key),
        ),
        MAILBOX.key: Choice("Mailbox", _addresses(standing.mailboxes), chosen.get(MAILBOX.key) or ""),
        HUBSPOT_CHANNEL.key: Choice(
            "Channel",
            tuple((it["account"], it["account"]) for it in standing.channels),
            chosen.get(HUBSPOT_CHANNEL.key) or "",
        ),
        PEOPLE.key: Choice("Person", _names(standing.people), chosen.get(PEOPLE.key) or ""),
    }


def _addresses(accounts: tuple[Told, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((account["email"], account["email"]) for account in accounts)


def _names(people: tuple[Told, ...]) -> tuple[tuple[str, str], ...]:
    def read(person: Told) -> str:
        language = "日本語" if person["locale"].startswith("ja") else "English"
        return f"{person['real_name']} ({language}{', deactivated' if person['deleted'] else ''})"

    return tuple((person["real_name"], read(person)) for person in people)


def _first(accounts: tuple[Told, ...], chosen: Mapping[str, str | None], key: str) -> str:
    """Whoever was chosen before, else the first account that Inboxkeeper has something from."""
    connected = (account["email"] for account in accounts if account["refresh_tokens"])
    return chosen.get(key) or next(connected, "")


def lever_of(key: str) -> Lever | None:
    return LEVERS[key][1] if key in LEVERS else None


def label(key: str) -> str:
    """How a fault is called on the page; those that only scripts cause keep their own names."""
    lever = lever_of(key)
    return lever.label if lever else key
