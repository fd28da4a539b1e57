"""The world outside for ``bench.load``: mailboxes that die when told to, a Slack with its tiers, many admins.

Runs in a process of its own (``python -m bench.crowd``). ``/control/…`` is how the bench speaks to it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from time import time
from typing import Any, Final

from aiohttp import web

from bench import outside
from bench.children import announce, listener
from bench.databases import OWNER, WORKSPACE, owner_id
from sandbox.slack.core import Tiers

ADMINS: Final = 50
MEMBERS: Final = 1_000
_TAKES: Final = 0.15
"""Seconds that Slack takes for an answer."""
_NUMBER: Final = re.compile(r"refresh-token-of-about-the-usual-length-(\d{40})")
_ADDRESS: Final = re.compile(r"person\d+@acme\.example")
_COUNTED: Final = re.compile(r"(?:(\d+) inbox(?:es)?|\S+@\S+.*) stopped working")
"""The first words of an alarm: of one, or of how many."""
_REFUSED: Final = b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'


def person_id(number: int) -> str:
    """The admins come first; of the others each owns the personal inbox of this number."""
    if number >= ADMINS:
        return owner_id(number - ADMINS)
    return OWNER if number == 0 else f"UADMIN{number:02d}"


@dataclass
class Crowd:
    """What is so outside, and what was asked."""

    dies_at: dict[int, float] = field(default_factory=dict)
    """By mailbox, seconds since the epoch."""
    has_tiers: bool = True
    tiers: Tiers = field(default_factory=Tiers)
    asked: Counter[str] = field(default_factory=Counter)
    said: list[dict[str, Any]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        self.asked["token"] += 1
        found = _NUMBER.search((await request.text()).replace("%2F", "/"))
        if found and self.dies_at.get(int(found[1]), float("inf")) <= time():
            return web.Response(status=400, body=_REFUSED, content_type="application/json")
        return await outside.token(request)

    async def users_list(self, _: web.Request) -> web.Response:
        members = [_a_user(number) for number in range(ADMINS + MEMBERS)]
        return web.json_response({"ok": True, "members": members})

    async def slack(self, request: web.Request) -> web.Response:
        """Any method: taken, unless it is one too many in this minute."""
        method = request.match_info["method"]
        given, arrived = await _given(request), time()
        self.asked[method] += 1
        await asyncio.sleep(_TAKES)
        wait = self.tiers.admit(method, datetime.now(UTC)) if self.has_tiers else None
        if wait is not None:
            self.asked[f"{method} refused"] += 1
            refused = {"ok": False, "error": "ratelimited"}
            return web.json_response(refused, status=429, headers={"Retry-After": str(wait)})
        to = str(given.get("channel") or given.get("user_id") or "")
        ts = str(given.get("ts") or f"{time():.6f}")
        text = str(given.get("blocks") or "") + str(given.get("text") or "")
        told = {"method": method, "to": to, "ts": ts, "text": text, "first": str(given.get("text") or "")}
        self.said.append({**told, "arrived": arrived, "at": time()})
        shown = {"id": "V1", "hash": ts}
        return web.json_response({"ok": True, "channel": f"D{to[1:]}", "ts": ts, "view": shown})

    # --- the bench's own side

    async def kill(self, request: web.Request) -> web.Response:
        """So many mailboxes die from now on, evenly within so many seconds, in an order of their own: in that
        of the looks, each might be looked at just before it dies, or just after."""
        wanted, now = await request.json(), time()
        numbers = list(range(wanted["first"], wanted["first"] + wanted["count"]))
        Random(wanted["count"]).shuffle(numbers)  # noqa: S311  an order, not a secret
        for place, number in enumerate(numbers):
            self.dies_at[number] = now + wanted["within"] * place / wanted["count"]
        return web.json_response({})

    async def reset(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.has_tiers = wanted["tiers"]
        self.dies_at.clear()
        self.asked.clear()
        self.said.clear()
        return web.json_response({})

    async def report(self, request: web.Request) -> web.Response:
        """What was said of addresses, and when first to each reader; how many posts named one to a reader
        again; when each was first written to; and how often what was asked."""
        first: dict[str, dict[str, float]] = {}
        for it in self.said:
            for address in set(_ADDRESS.findall(it["text"])):
                first.setdefault(address, {}).setdefault(it["to"][1:], it["at"])
        named = Counter(
            (it["to"], address) for it in self._posts() for address in set(_ADDRESS.findall(it["text"]))
        )
        silent = sum("stopped checking" in it["text"] for it in self._posts())
        posts = Counter((it["method"], it["to"]) for it in self.said)
        posted: dict[str, float] = {}
        for it in self.said:
            if it["method"] == "chat.postMessage":
                posted.setdefault(it["to"], it["at"])
        return web.json_response(
            {
                "asked": self.asked,
                "told": first,
                "counted": self._counted(),
                "rings": max(Counter(it["to"] for it in self._posts()).values(), default=0),
                "silences": silent,
                "twice": sum(many > 1 for many in named.values()),
                "posted": posted,
                "died": {f"person{number}@acme.example": at for number, at in self.dies_at.items()},
                "homes": sum(method == "views.publish" for method, _ in posts),
                "drawn": max(
                    (it["arrived"] for it in self.said if it["method"] == "views.publish"), default=0.0
                ),
            }
        )

    def _posts(self) -> Iterator[dict[str, Any]]:
        return (it for it in self.said if it["method"] == "chat.postMessage")

    def _counted(self) -> dict[str, list[tuple[float, int]]]:
        """How many outages each reader's messages counted, all together, and since when."""
        by_message: defaultdict[str, dict[str, int]] = defaultdict(dict)
        counted: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        for it in self.said:
            found = _COUNTED.search(it["first"])
            if found and it["to"]:
                theirs = by_message[it["to"][1:]]
                theirs[it["ts"]] = int(found[1] or 1)
                counted[it["to"][1:]].append((it["at"], sum(theirs.values())))
        return counted


async def _given(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        found = await request.json()
        return found if isinstance(found, dict) else {}
    return dict(await request.post())


def _a_user(number: int) -> dict[str, Any]:
    key, is_owner = person_id(number), number < ADMINS
    profile = {"email": f"{key.lower()}@acme.example", "real_name": key}
    flags = {"is_owner": is_owner, "is_admin": is_owner, "locale": "en-US"}
    return {"id": key, "team_id": WORKSPACE, "name": key.lower(), "profile": profile, **flags}


async def serve() -> None:
    crowd, app = Crowd(), web.Application(client_max_size=2**24)
    app.router.add_post("/token", crowd.token)
    app.router.add_get("/gmail/v1/users/me/labels", outside.labels)
    app.router.add_post("/api/auth.test", outside.auth_test)
    app.router.add_post("/api/users.list", crowd.users_list)
    app.router.add_post("/api/{method}", crowd.slack)
    app.router.add_post("/control/kill", crowd.kill)
    app.router.add_post("/control/reset", crowd.reset)
    app.router.add_get("/control/report", crowd.report)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    socket = listener()
    await web.SockSite(runner, socket).start()
    announce(socket)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
