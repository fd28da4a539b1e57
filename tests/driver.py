"""The test language: people of the local Slack, driven over its control API.

Rule: everything goes through HTTP and through labels a person can read; nothing reaches into the sandbox.

    driver = Driver(base_url, session)
    alice = driver.person("alice")
    await alice.types("/inbox list")
    await alice.clicks("Disable", near="alice@acme.example", confirm=True)
    screen = await alice.until(lambda screen: "Disabled" in screen.dm.plain)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Json = dict[str, Any]


class CannotDo(AssertionError):
    """The screen does not offer what was tried. `status` 404: not there; 409: not like this."""

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(f"{status}: {answer}")
        self.status = status
        self.answer = answer


@dataclass(frozen=True)
class Shown:
    """What came of an act. `url` is where a link button leads; `denied`: the dialog was answered no."""

    ok: bool
    ack_ms: float
    url: str | None = None
    error_shown: str | None = None
    denied: bool = False


@dataclass(frozen=True)
class Said:
    ts: str
    author: str
    author_name: str
    text: str
    plain: str
    blocks: list[Json]
    ephemeral: bool
    edited: bool
    thread: str | None
    unread: bool


@dataclass(frozen=True)
class Conversation:
    id: str
    name: str
    unread: int
    messages: list[Said]

    @property
    def plain(self) -> str:
        return "\n\n".join(message.plain for message in self.messages)

    @property
    def last(self) -> Said:
        return self.messages[-1]


@dataclass(frozen=True)
class View:
    id: str
    callback_id: str
    private_metadata: str
    title: str | None
    submit: str | None
    close: str | None
    plain: str
    blocks: list[Json]
    errors: dict[str, str]
    banner: str | None


@dataclass(frozen=True)
class Screen:
    """All that one person sees at one moment."""

    revision: int
    conversations: dict[str, Conversation] = field(default_factory=dict)
    modals: list[View] = field(default_factory=list)
    home: View | None = None

    @property
    def dm(self) -> Conversation:
        return self.conversations["dm"]

    @property
    def modal(self) -> View | None:
        return self.modals[-1] if self.modals else None

    def messages(self, conversation: str) -> list[Said]:
        return self.conversations[conversation].messages

    @property
    def plain(self) -> str:
        """Everything readable: conversations, Home, and the modal in front."""
        parts = [conversation.plain for conversation in self.conversations.values()]
        parts += [view.plain for view in (self.home, self.modal) if view is not None]
        return "\n\n".join(part for part in parts if part)


def screen_of(seen: Json) -> Screen:
    return Screen(
        revision=seen["revision"],
        conversations={c["name"]: _conversation(c) for c in seen["conversations"]},
        modals=[View(**view) for view in seen["modals"]],
        home=View(**seen["home"]) if seen["home"] else None,
    )


def _conversation(seen: Json) -> Conversation:
    said = [_said(message) for message in seen["messages"]]
    return Conversation(id=seen["id"], name=seen["name"], unread=seen["unread"], messages=said)


def _said(seen: Json) -> Said:
    rest = {key: value for key, value in seen.items() if key not in ("from", "from_name")}
    return Said(author=seen["from"], author_name=seen["from_name"], **rest)


class Driver:
    """The whole local Slack. `base_url` is its public URL."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self._base = base_url.rstrip("/")
        self._session = session

    def person(self, name: str) -> Person:
        return Person(self, name)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        async with self._session.post(f"{self._base}{path}", json=body or {}) as response:
            return await _answered(response)

    async def get(self, path: str, **query: str | float) -> Json:
        async with self._session.get(f"{self._base}{path}", params=query) as response:
            return await _answered(response)

    async def calls(self, method: str | None = None, *, since: int = 0) -> list[Json]:
        """What the bot said to Slack, oldest first: `number, method, ok, error, at, arguments, problems`."""
        query: dict[str, str | float] = {"since": since}
        if method is not None:
            query["method"] = method
        calls: list[Json] = (await self.get("/control/slack/calls", **query))["calls"]
        return calls

    async def advance(self, seconds: float) -> None:
        await self.post("/control/clock", {"advance_seconds": seconds})

    async def break_(self, what: str, **how: Any) -> None:
        await self.post("/control/slack/break", {"what": what, **how})

    async def mend(self) -> None:
        await self.post("/control/slack/mend")

    async def raw(self, kind: str, **how: Any) -> Json:
        """The bot's `{status, body}` to a hostile request."""
        return await self.post("/control/slack/raw", {"kind": kind, **how})

    async def redeliver(self, *, event_id: str | None = None, retry_num: int = 1) -> Json:
        return await self.post("/control/slack/redeliver", {"event_id": event_id, "retry_num": retry_num})

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        await self.post("/control/slack/disconnect", {"reason": reason})

    async def frame(self, text: str = "", *, hexed: str = "") -> None:
        """One frame of Socket Mode as it stands."""
        await self.post("/control/slack/frame", {"text": text, "hex": hexed})

    async def uninstall(self) -> Json:
        return await self.post("/control/slack/uninstall")

    async def install(self) -> None:
        await self.post("/control/slack/install")

    async def grant(self, *scopes: str) -> None:
        """Lets the app do more, as reinstalling it with these scopes would."""
        await self.post("/control/slack/scopes", {"grant": list(scopes)})

    async def withdraw(self, *scopes: str) -> None:
        await self.post("/control/slack/scopes", {"withdraw": list(scopes)})

    async def edit_person(self, name: str, **changes: Any) -> Json:
        return await self.post("/control/slack/people/edit", {"person": name, **changes})

    async def add_people(self, count: int) -> list[str]:
        added: list[str] = (await self.post("/control/slack/people/add", {"count": count}))["added"]
        return added

    async def join_organisation(self, enterprise_id: str = "E0GROUP") -> None:
        """The workspace is one of several of an organisation from now on, as on Enterprise Grid."""
        await self.post("/control/slack/organisation", {"enterprise": enterprise_id})

    async def edit_group(self, group_id: str, *people: str) -> None:
        """These people, and nobody else, are in a user group from now on."""
        await self.post("/control/slack/groups/edit", {"group": group_id, "people": list(people)})

    async def edit_conversation(self, label: str, **changes: bool) -> None:
        await self.post("/control/slack/conversations/edit", {"conversation": label, **changes})


async def _answered(response: aiohttp.ClientResponse) -> Json:
    answer: Json = await response.json()
    if response.status != 200:
        raise CannotDo(response.status, answer)
    return answer


class Person:
    def __init__(self, driver: Driver, name: str) -> None:
        self._driver = driver
        self.name = name

    async def _act(self, verb: str, **body: Any) -> Shown:
        answer = await self._driver.post(f"/control/slack/act/{verb}", {"as": self.name, **body})
        return Shown(**answer)

    async def types(self, text: str, *, in_: str = "#general") -> Shown:
        return await self._act("slash", text=text, **{"in": in_})

    async def clicks(
        self,
        label: str,
        *,
        near: str | None = None,
        confirm: bool | None = None,
        in_: str | None = None,
    ) -> Shown:
        return await self._act("click", label=label, near=near, confirm=confirm, **{"in": in_})

    async def chooses(
        self,
        label: str | None,
        option: str,
        *,
        on: bool = True,
        near: str | None = None,
        confirm: bool | None = None,
        in_: str | None = None,
    ) -> Shown:
        """`label` None: whatever control offers this option. `on` False unticks a checkbox."""
        return await self._act(
            "choose", label=label, option=option, on=on, near=near, confirm=confirm, **{"in": in_}
        )

    async def fills(self, label: str, value: str, *, in_: str | None = None) -> Shown:
        return await self._act("fill", label=label, value=value, **{"in": in_})

    async def searches(self, label: str, text: str) -> list[str]:
        """What an external select offers for what is typed."""
        body = {"as": self.name, "label": label, "value": text}
        found: list[str] = (await self._driver.post("/control/slack/act/search", body))["options"]
        return found

    async def submits(self) -> Shown:
        return await self._act("submit")

    async def closes(self, *, whole: bool = False) -> Shown:
        return await self._act("close", all=whole)

    async def opens_home(self) -> Shown:
        return await self._act("home")

    async def opens_dm(self) -> Shown:
        """Reads the conversation with the bot: nothing in it is unread afterwards."""
        return await self._act("open-dm")

    async def sees(self) -> Screen:
        return screen_of(await self._driver.get("/control/slack/see", **{"as": self.name}))

    async def until(self, wanted: Callable[[Screen], object], *, within: float = 5.0) -> Screen:
        """The first screen for which `wanted` is true, waiting on news, not on time.

        Raises:
            AssertionError: it did not come within so many real seconds; the screen is told.
        """
        ends = time.monotonic() + within
        while True:
            screen = await self.sees()
            if wanted(screen):
                return screen
            left = ends - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.name} still sees:\n{screen.plain}")
            await self._driver.get("/control/slack/news", since=screen.revision, within=left)
