"""The *Break things* page of the demo: plain forms, and what is broken at present, as the control API tells
it.

Rule: it can do nothing of its own; every button is one request to the control API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
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

PATHS: Final = {
    "clock": "/control/clock",
    "google": "/control/google/accounts",
    "microsoft": "/control/microsoft/accounts",
    "imap": "/control/imap/accounts",
    "hubspot": "/control/hubspot",
    "names": "/control/names",
    "slack": "/control/slack/broken",
}
"""What is asked, by the name under which `Standing.of` wants the answer."""

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """One thing that is broken, and the key of the lever that broke it."""

    where: str
    what: str


@dataclass(frozen=True)
class Standing:
    """Everything that the page shows."""

    now: str
    google: tuple[Told, ...]
    microsoft: tuple[Told, ...]
    tenants: tuple[Told, ...]
    mailboxes: tuple[Told, ...]
    mail_host: str
    channels: tuple[Told, ...]
    """HubSpot's, those with a mailbox."""
    mail_goes: Mapping[str, str]
    people: tuple[Told, ...]
    wrong: tuple[Wrong, ...]
    installed: bool

    @classmethod
    def of(cls, told: Mapping[str, Told]) -> Standing:
        """From the answers to `PATHS`."""
        google, microsoft, imap, slack = (told[name] for name in ("google", "microsoft", "imap", "slack"))
        tenants = tuple(microsoft["tenants"])
        return cls(
            now=told["clock"]["now"][:19].replace("T", " "),
            google=_accounts(google),
            microsoft=_accounts(microsoft, prefix="microsoft_", besides=tenants),
            tenants=tenants,
            mailboxes=_accounts(imap, prefix="imap_"),
            mail_host=imap["host"],
            channels=tuple(it for it in told["hubspot"]["channels"] if "@" in it["account"]),
            mail_goes=told["names"]["domains"],
            people=tuple(slack["people"]),
            wrong=(
                *_all_of("Google", google),
                *_all_of("Microsoft", microsoft, prefix="microsoft_"),
                *(wrong for tenant in tenants for wrong in _tenant(tenant, microsoft)),
                *_all_of("Harbor Mail", imap, prefix="imap_"),
                *(Wrong("HubSpot", f"hubspot_{what}") for what in _once(told["hubspot"]["broken"])),
                *(Wrong("Slack", f"slack_{what}") for what in _once(f["what"] for f in slack["broken"])),
            ),
            installed=slack["installed"],
        )

    @property
    def broken(self) -> tuple[Wrong, ...]:
        """What is broken, the widest first."""
        everybody = (*self.google, *self.microsoft, *self.mailboxes)
        own = tuple(Wrong(one["email"], what) for one in everybody for what in one["broken"])
        return self.wrong + own

    @property
    def away(self) -> tuple[str, ...]:
        return tuple(person["real_name"] for person in self.people if person["deleted"])

    @property
    def is_whole(self) -> bool:
        return self.installed and not (self.broken or self.away)


def _accounts(told: Told, *, prefix: str = "", besides: Iterable[Told] = ()) -> tuple[Told, ...]:
    """Accounts with their own faults: what hits everybody, or their whole tenant, is told elsewhere."""
    shared = {tenant["tid"]: set(tenant["faults"]) for tenant in besides}
    everywhere = set(told["broken_for_all"])

    def own(account: Told) -> list[str]:
        others = everywhere | shared.get(account.get("tid", ""), set())
        return [prefix + what for what in _once(account["faults"]) if what not in others]

    return tuple({**account, "broken": own(account)} for account in told["accounts"])


def _all_of(name: str, told: Told, *, prefix: str = "") -> tuple[Wrong, ...]:
    return tuple(Wrong(f"All of {name}", prefix + what) for what in _once(told["broken_for_all"]))


def _tenant(tenant: Told, told: Told) -> tuple[Wrong, ...]:
    own = [what for what in _once(tenant["faults"]) if what not in told["broken_for_all"]]
    return tuple(Wrong(f"The tenant {tenant['name']}", f"microsoft_{what}") for what in own)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


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
            pulled=_lever_of(asked.get("done", "")),
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


def _lever_of(key: str) -> Lever | None:
    return LEVERS[key][1] if key in LEVERS else None


def label(key: str) -> str:
    """How a fault is called on the page; those that only scripts cause keep their own names."""
    lever = _lever_of(key)
    return lever.label if lever else key
