"""The control API: act as a person, read their screen. Described in sandbox/README.md.

Rule: 404 what is not on the screen, 409 what cannot be done like this, 400 what makes no sense.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.slack.controls import Pressing, Wish
from sandbox.slack.core import Core
from sandbox.slack.errors import CannotAct
from sandbox.slack.persona import Acting
from sandbox.slack.snapshot import seen
from sandbox.slack.state import Conversation, Json, Person

Act = Callable[[Person, Json], Awaitable[Json]]


async def body_of(request: web.Request) -> Json:
    if not request.can_read_body:
        return {}
    try:
        body = await request.json()
    except ValueError:
        raise CannotAct(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise CannotAct(400, "the body is not an object")
    return body


def refusing(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Turns a refusal into its status and words."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except CannotAct as error:
            return web.json_response(
                {"ok": False, "reason": error.reason, **error.beside}, status=error.status
            )

    return answer


def text_of(body: Json, key: str, *, default: str | None = None) -> str:
    value = body.get(key, default)
    if not isinstance(value, str):
        raise CannotAct(400, f"say `{key}`, a string")
    return value


def number_in(request: web.Request, key: str, default: float) -> float:
    try:
        return float(request.query.get(key, default))
    except ValueError:
        raise CannotAct(400, f"`{key}` is a number") from None


class Control:
    def __init__(self, core: Core, acting: Acting, pressing: Pressing) -> None:
        self._core = core
        self._acts: dict[str, Act] = {
            "slash": self._types,
            "click": self._clicks,
            "choose": self._chooses,
            "fill": self._fills,
            "search": self._searches,
            "submit": self._submits,
            "close": self._closes,
            "home": self._opens_home,
            "open-dm": self._opens_dm,
        }
        self._acting = acting
        self._pressing = pressing

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/control/slack/act/{verb}", refusing(self._act))
        app.router.add_get("/control/slack/see", refusing(self._see))
        app.router.add_get("/control/slack/news", refusing(self._news))
        app.router.add_get("/control/slack/calls", refusing(self._calls))

    # --- reading ---

    async def _see(self, request: web.Request) -> Json:
        return seen(self._core.workspace, self._person(request.query.get("as", ""), dead=True))

    async def _news(self, request: web.Request) -> Json:
        """Answers when something changed after `since`, or after `within` real seconds."""
        since, within = int(number_in(request, "since", 0)), min(number_in(request, "within", 5), 30.0)
        return {"revision": await self._core.workspace.news_since(since, within=within)}

    async def _calls(self, request: web.Request) -> Json:
        since = int(number_in(request, "since", 0))
        return {"calls": self._core.calls.shown(since=since, method=request.query.get("method"))}

    # --- acting ---

    async def _act(self, request: web.Request) -> Json:
        act = self._acts.get(request.match_info["verb"])
        if act is None:
            raise CannotAct(404, "no such act", acts=sorted(self._acts))
        body = await body_of(request)
        return await act(self._person(text_of(body, "as")), body)

    def _person(self, name: str, *, dead: bool = False) -> Person:
        person = self._core.workspace.person(name)
        if person is None or not person.is_human:
            raise CannotAct(404, f"nobody called {name!r}")
        if person.deleted and not dead:
            raise CannotAct(409, f"{person.real_name} is deactivated")
        return person

    def _place(self, person: Person, label: str) -> Conversation:
        found = self._core.workspace.conversation(label, of=person.id)
        if found is None or person.id not in found.members:
            raise CannotAct(404, f"{person.real_name} is in no conversation {label!r}")
        return found

    async def _types(self, person: Person, body: Json) -> Json:
        place = self._place(person, text_of(body, "in", default="#general"))
        return await self._acting.types(person, text_of(body, "text"), place)

    async def _clicks(self, person: Person, body: Json) -> Json:
        return await self._pressing.clicks(person, self._wish(person, body))

    async def _chooses(self, person: Person, body: Json) -> Json:
        option = text_of(body, "option")
        return await self._pressing.chooses(
            person, self._wish(person, body), option=option, on=body.get("on", True) is True
        )

    async def _fills(self, person: Person, body: Json) -> Json:
        return await self._pressing.fills(person, self._wish(person, body), value=text_of(body, "value"))

    async def _searches(self, person: Person, body: Json) -> Json:
        return await self._pressing.searches(person, self._wish(person, body), text=text_of(body, "value"))

    async def _submits(self, person: Person, _body: Json) -> Json:
        return await self._acting.submits(person)

    async def _closes(self, person: Person, body: Json) -> Json:
        return await self._acting.closes(person, whole=body.get("all") is True)

    async def _opens_home(self, person: Person, _body: Json) -> Json:
        return await self._acting.opens_home(person)

    async def _opens_dm(self, person: Person, _body: Json) -> Json:
        return await self._acting.opens_dm(person)

    def _wish(self, person: Person, body: Json) -> Wish:
        place = body.get("in")
        if place is not None and place not in ("modal", "home"):
            place = self._place(person, text_of(body, "in")).id
        target = body.get("target")
        if target is not None and not (isinstance(target, list) and len(target) in (3, 4)):
            raise CannotAct(400, "a target is [surface, block_id, action_id], and may name a value")
        confirm = body.get("confirm")
        return Wish(
            label=body.get("label"),
            place=place,
            near=body.get("near"),
            confirm=confirm if isinstance(confirm, bool) else None,
            target=tuple(target) if target else None,
        )
