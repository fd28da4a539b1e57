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

from sandbox.levers import ACCOUNT, GROUPS, LEVERS, MAILBOX, PEOPLE, Lever

PATH: Final = "/break"
PAGE_LINKS: Final = (
    ("Break things", PATH),
    ("Google accounts", f"{PATH}#accounts"),
    ("Mailboxes", f"{PATH}#mailboxes"),
)
_CHOSEN: Final = (ACCOUNT.key, MAILBOX.key, PEOPLE.key)
"""Groups that are about somebody: whom, stays chosen."""
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


@dataclass(frozen=True)
class Standing:
    """What is so at present, as the control API tells it."""

    now: str
    accounts: tuple[Mapping[str, Any], ...]
    google: tuple[str, ...]
    mailboxes: tuple[Mapping[str, Any], ...]
    mail_host: str
    harbor: tuple[str, ...]
    slack: tuple[str, ...]
    people: tuple[Mapping[str, Any], ...]
    installed: bool

    @property
    def away(self) -> tuple[str, ...]:
        return tuple(person["real_name"] for person in self.people if person["deleted"])

    @property
    def is_whole(self) -> bool:
        broken = any(account["broken"] for account in (*self.accounts, *self.mailboxes))
        return self.installed and not (broken or self.google or self.harbor or self.slack or self.away)


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
        html = _TEMPLATES.get_template("break.html").render(
            groups=GROUPS,
            standing=await self._standing(),
            label=label,
            pulled=lever_of(asked.get("done", "")),
            problem=asked.get("problem", ""),
            chosen={key: asked.get(key) for key in _CHOSEN},
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
        clock, google, imap, slack = [
            await self._read(path)
            for path in (
                "/control/clock",
                "/control/google/accounts",
                "/control/imap/accounts",
                "/control/slack/broken",
            )
        ]
        everywhere = tuple(dict.fromkeys(google["broken_for_all"]))
        accounts = google["accounts"]
        for account in accounts:
            account["broken"] = [what for what in dict.fromkeys(account["faults"]) if what not in everywhere]
        return Standing(
            now=clock["now"][:19].replace("T", " "),
            accounts=tuple(accounts),
            google=everywhere,
            mailboxes=tuple(_with_faults(box, imap["broken_for_all"]) for box in imap["accounts"]),
            mail_host=imap["host"],
            harbor=tuple(f"imap_{what}" for what in imap["broken_for_all"]),
            slack=tuple(dict.fromkeys(f"slack_{fault['what']}" for fault in slack["broken"])),
            people=tuple(slack["people"]),
            installed=slack["installed"],
        )

    async def _read(self, path: str) -> dict[str, Any]:
        async with self._http.get(path) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the page is not served yet"
        return self._session


def _with_faults(box: Mapping[str, Any], everywhere: list[str]) -> Mapping[str, Any]:
    """A mailbox with its own faults, by the names of their buttons."""
    return {**box, "broken": [f"imap_{what}" for what in box["faults"] if what not in everywhere]}


def lever_of(key: str) -> Lever | None:
    return LEVERS[key][1] if key in LEVERS else None


def label(key: str) -> str:
    """How a fault is called on the page; those that only scripts cause keep their own names."""
    lever = lever_of(key)
    return lever.label if lever else key
