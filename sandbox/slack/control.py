"""The control API, described in sandbox/README.md: act as a person and read their screen; and behind the
scenes break and mend, people, installation, the clock, hostile requests.

Rule: 404 what is not on the screen, 409 what cannot be done like this, 400 what makes no sense. Looking
changes nothing, not even what is unread. What Slack would tell the bot about a change is told, and its
outcome answered. A hostile request is one that nobody honest would send, wrong in one way only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from sandbox.slack import payloads
from sandbox.slack.core import CannotAct, Core
from sandbox.slack.delivery import Events, HttpDelivery, Outcome, Retry
from sandbox.slack.faults import Fault
from sandbox.slack.localized import Reader
from sandbox.slack.persona import Acting, Pressing, Wish
from sandbox.slack.screen import plain_blocks, plain_mrkdwn, plain_text
from sandbox.slack.socketmode import SocketDelivery
from sandbox.slack.state import Conversation, Json, Message, Person, UserGroup, View, Workspace, newcomer


def seen(workspace: Workspace, person: Person) -> Json:
    reader = Reader(workspace, person.id)
    home = workspace.homes.get(person.id)
    return {
        "revision": workspace.revision,
        "as": person.id,
        "conversations": [_conversation(reader, c) for c in workspace.visible_to(person.id)],
        "modals": [_view(reader, view) for view in workspace.modals.get(person.id, [])],
        "home": _view(reader, home) if home else None,
    }


def _conversation(reader: Reader, conversation: Conversation) -> Json:
    workspace = reader.workspace
    return {
        "id": conversation.id,
        "name": conversation.label,
        "unread": workspace.unread(reader.user, conversation.id),
        "messages": [_message(reader, m) for m in workspace.seen_by(reader.user, conversation.id)],
    }


def _plain_message(reader: Reader, message: Message) -> str:
    """What is shown of it: the blocks, or the text when there are none."""
    if not message.blocks:
        return plain_mrkdwn(reader, message.text)
    return plain_blocks(reader, message.blocks, message.values.get(reader.user))


def _message(reader: Reader, message: Message) -> Json:
    read = reader.workspace.last_read.get((reader.user, message.conversation), "")
    return {
        "ts": message.ts,
        "from": message.author,
        "from_name": reader.name_of(message.author),
        "text": message.text,
        "plain": _plain_message(reader, message),
        "blocks": message.blocks,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited_ts is not None,
        "thread": message.thread_ts,
        "unread": message.ts > read and message.author != reader.user,
    }


def _view(reader: Reader, view: View) -> Json:
    def label(key: str) -> str | None:
        text = view.body.get(key)
        return plain_text(reader, text) if text else None

    return {
        "id": view.id,
        "callback_id": view.body.get("callback_id", ""),
        "private_metadata": view.body.get("private_metadata", ""),
        "title": label("title"),
        "submit": label("submit"),
        "close": label("close"),
        "plain": plain_blocks(reader, view.blocks, view.values),
        "blocks": view.blocks,
        "errors": view.errors,
        "banner": view.banner,
    }


_Act = Callable[[Person, Json], Awaitable[Json]]


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
        self._acts: dict[str, _Act] = {
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


FORM = "application/x-www-form-urlencoded"
Request = tuple[bytes, dict[str, str]]
Make = Callable[[HttpDelivery, Json], Request]


def _body(wanted: Json) -> bytes:
    text = wanted.get("body")
    if text is None:
        text = urlencode({"command": "/inbox", "text": "help", "user_id": "U0ALICE", "team_id": "T0ACME"})
    if not isinstance(text, str):
        raise CannotAct(400, "say `body`, a string")
    return text.encode()


def _kind(wanted: Json) -> str:
    return str(wanted.get("content_type", FORM))


def _signed(http: HttpDelivery, wanted: Json) -> Request:
    """Signed well, whatever the body: for malformed content from the right sender."""
    body = _body(wanted)
    return body, http.signed(body, _kind(wanted))


def _unsigned(http: HttpDelivery, wanted: Json) -> Request:
    return _body(wanted), {"Content-Type": _kind(wanted)}


def _forged(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Signature": "v0=" + "0" * 64}


def _tampered(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body + b"&text=changed", http.signed(body, _kind(wanted))


def _stale(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, http.signed(body, _kind(wanted), age_seconds=int(wanted.get("age_seconds", 301)))


def _replayed(http: HttpDelivery, _wanted: Json) -> Request:
    """The last real delivery, byte by byte."""
    if http.last_sent is None:
        raise CannotAct(409, "nothing was delivered over HTTP yet")
    return http.last_sent.body, http.last_sent.headers


def _bad_timestamp(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Request-Timestamp": "soon"}


def _bad_signature(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Signature": "v0=é"}


def _malformed(http: HttpDelivery, _wanted: Json) -> Request:
    body = b"payload=%7Bnot+json"
    return body, http.signed(body, FORM)


def _not_utf8(http: HttpDelivery, _wanted: Json) -> Request:
    body = b"command=%2Finbox&text=\xff\xfe"
    return body, http.signed(body, FORM)


def _oversized(http: HttpDelivery, wanted: Json) -> Request:
    body = b"text=" + b"x" * int(wanted.get("bytes", 600 * 1024))
    return body, http.signed(body, FORM)


_REQUESTS: dict[str, Make] = {
    "signed": _signed,
    "unsigned": _unsigned,
    "forged": _forged,
    "tampered": _tampered,
    "stale": _stale,
    "replayed": _replayed,
    "bad_timestamp": _bad_timestamp,
    "bad_signature": _bad_signature,
    "malformed": _malformed,
    "not_utf8": _not_utf8,
    "oversized": _oversized,
}


_EDITABLE = {
    "real_name",
    "email",
    "locale",
    "tz_offset",
    "is_admin",
    "is_owner",
    "is_restricted",
    "is_ultra_restricted",
    "is_stranger",
    "team_id",
    "teams",
    "deleted",
}


class Workshop:
    def __init__(self, core: Core, events: Events, http: HttpDelivery, socket: SocketDelivery) -> None:
        self._core = core
        self._events = events
        self._http = http
        self._socket = socket

    def add_routes(self, app: web.Application) -> None:
        post = app.router.add_post
        post("/control/clock", refusing(self._clock))
        app.router.add_get("/control/clock", refusing(self._clock))
        app.router.add_get("/control/slack/broken", refusing(self._broken))
        post("/control/slack/break", refusing(self._break))
        post("/control/slack/mend", refusing(self._mend))
        post("/control/slack/raw", refusing(self._raw))
        post("/control/slack/redeliver", refusing(self._redeliver))
        post("/control/slack/disconnect", refusing(self._disconnect))
        post("/control/slack/frame", refusing(self._frame))
        post("/control/slack/verify-url", refusing(self._verify_url))
        post("/control/slack/uninstall", refusing(self._uninstall))
        post("/control/slack/install", refusing(self._install))
        post("/control/slack/scopes", refusing(self._scopes))
        post("/control/slack/organisation", refusing(self._join_organisation))
        post("/control/slack/people/add", refusing(self._add_people))
        post("/control/slack/people/edit", refusing(self._edit_person))
        post("/control/slack/groups/edit", refusing(self._edit_group))
        post("/control/slack/conversations/edit", refusing(self._edit_conversation))

    async def _clock(self, request: web.Request) -> Json:
        body = await body_of(request)
        try:
            self._core.clock.advance(timedelta(seconds=float(body.get("advance_seconds", 0))))
        except (TypeError, ValueError) as error:
            raise CannotAct(400, str(error)) from None
        self._core.workspace.touch()
        return {"ok": True, "now": self._core.clock().isoformat()}

    # --- faults ---

    async def _break(self, request: web.Request) -> Json:
        body = await body_of(request)
        unknown = body.keys() - {field.name for field in fields(Fault)}
        if unknown:
            raise CannotAct(400, f"unknown: {', '.join(sorted(unknown))}")
        if (name := body.get("person")) is not None:
            body["person"] = self._person(str(name)).id
        if body.get("what") == "dm_closed":
            body.setdefault("error", "messages_tab_disabled")
        try:
            self._core.faults.add(Fault(**body))
        except (TypeError, ValueError) as error:
            raise CannotAct(400, str(error)) from None
        if body["what"] == "away":
            await self._socket.drop()
        return {"ok": True, "broken": self._core.faults.standing()}

    async def _broken(self, _request: web.Request) -> Json:
        """What does not work now, whether the app is installed, and who the people are at present."""
        people = [person for person in self._core.workspace.people.values() if person.is_human]
        shown = ("id", "real_name", "email", "locale", "deleted")
        return {
            "broken": self._core.faults.standing(),
            "installed": self._core.settings.installed,
            "people": [{name: getattr(person, name) for name in shown} for person in people],
        }

    async def _mend(self, _request: web.Request) -> Json:
        self._core.faults.mend()
        return {"ok": True}

    async def _disconnect(self, request: web.Request) -> Json:
        """Socket Mode: Slack's `disconnect` with its reason, or the line cut with `{"reason": "drop"}`."""
        reason = text_of(await body_of(request), "reason", default="refresh_requested")
        await (self._socket.drop() if reason == "drop" else self._socket.ask_to_leave(reason))
        return {"ok": True}

    async def _frame(self, request: web.Request) -> Json:
        """Socket Mode: one frame as it stands, `{text}` or `{hex}` for a binary one."""
        body = await body_of(request)
        raw = text_of(body, "hex", default="")
        await self._socket.say(bytes.fromhex(raw) if raw else text_of(body, "text"))
        return {"ok": True}

    async def _raw(self, request: web.Request) -> Json:
        body = await body_of(request)
        kind = text_of(body, "kind")
        make = _REQUESTS.get(kind)
        if make is None:
            raise CannotAct(404, f"no request called {kind!r}", kinds=sorted(_REQUESTS))
        content, headers = make(self._http, body)
        try:
            status, text = await self._http.raw(content, headers)
        except (aiohttp.ClientError, RuntimeError, TimeoutError) as error:
            raise CannotAct(409, f"not delivered: {type(error).__name__}") from None
        return {"status": status, "body": text}

    # --- events ---

    async def _redeliver(self, request: web.Request) -> Json:
        body = await body_of(request)
        retry = Retry(int(body.get("retry_num", 1)), text_of(body, "reason", default="http_timeout"))
        return told(await self._events.repeat(body.get("event_id"), retry))

    async def _verify_url(self, _request: web.Request) -> Json:
        return told(await self._events.verify_url())

    async def _uninstall(self, request: web.Request) -> Json:
        """`tokens_revoked`, then `app_uninstalled`; from then on the bot token is dead."""
        body = await body_of(request)
        self._core.settings.installed = False
        outcomes = []
        if body.get("tokens_revoked", True):
            revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0BOT"]}}
            outcomes.append(told(await self._events.tell(revoked)))
        outcomes.append(told(await self._events.tell({"type": "app_uninstalled"})))
        return {"ok": all(outcome["ok"] for outcome in outcomes), "outcomes": outcomes}

    async def _install(self, _request: web.Request) -> Json:
        self._core.settings.installed = True
        return {"ok": True}

    async def _scopes(self, request: web.Request) -> Json:
        """`{grant?, withdraw?}`: what the app may do, as if it had been installed anew with it."""
        body = await body_of(request)
        granted, withdrawn = (body.get(key, []) for key in ("grant", "withdraw"))
        if not all(isinstance(names, list) for names in (granted, withdrawn)):
            raise CannotAct(400, "`grant` and `withdraw` are lists of scopes")
        settings = self._core.settings
        settings.scopes = tuple(sorted({*settings.scopes, *granted} - {*withdrawn}))
        return {"ok": True, "scopes": list(settings.scopes)}

    # --- people and conversations ---

    def _person(self, name: str) -> Person:
        person = self._core.workspace.person(name)
        if person is None:
            raise CannotAct(404, f"nobody called {name!r}")
        return person

    async def _join_organisation(self, request: web.Request) -> Json:
        """`{enterprise}`: the workspace is one of an organisation's (Enterprise Grid) from now on."""
        enterprise_id = text_of(await body_of(request), "enterprise")
        if not enterprise_id.startswith("E"):
            raise CannotAct(400, "an organisation's id begins with E")
        self._core.workspace.enterprise_id = enterprise_id
        self._core.workspace.touch()
        return {"ok": True}

    async def _add_people(self, request: web.Request) -> Json:
        count = int((await body_of(request)).get("count", 1))
        workspace = self._core.workspace
        added = []
        for number in range(len(workspace.people), len(workspace.people) + count):
            person = newcomer(number)
            workspace.people[person.id] = person
            workspace.conversations["C0GENERAL"].members.add(person.id)
            added.append(person.id)
        workspace.touch()
        return {"ok": True, "added": added}

    async def _edit_person(self, request: web.Request) -> Json:
        """Changes what is named and tells the bot by `user_change` (unless `"silently": true`)."""
        body = await body_of(request)
        person = self._person(text_of(body, "person"))
        changes = {key: value for key, value in body.items() if key not in ("person", "silently")}
        if unknown := changes.keys() - _EDITABLE:
            raise CannotAct(400, f"cannot edit: {', '.join(sorted(unknown))}")
        for key, value in changes.items():
            setattr(person, key, value)
        person.updated = int(self._core.clock().timestamp())
        self._core.workspace.touch()
        if body.get("silently"):
            return {"ok": True}
        return told(await self._events.tell(payloads.user_change(self._core, person)))

    async def _edit_group(self, request: web.Request) -> Json:
        """`{group, people}`: who is in a user group from now on; one that is not there is made."""
        body = await body_of(request)
        group_id, names = text_of(body, "group"), body.get("people")
        if not group_id.startswith("S") or not isinstance(names, list):
            raise CannotAct(400, "`group` is an id like S0MAIL, `people` a list of names")
        groups = self._core.workspace.usergroups
        group = groups.setdefault(group_id, UserGroup(group_id, group_id.casefold(), group_id, []))
        group.users = [self._person(str(name)).id for name in names]
        self._core.workspace.touch()
        return {"ok": True}

    async def _edit_conversation(self, request: web.Request) -> Json:
        """`{conversation, archived?, private?, bot_in?}`."""
        body = await body_of(request)
        label = text_of(body, "conversation")
        found = self._core.workspace.conversation(label, of="U0BOT")
        if found is None:
            raise CannotAct(404, f"no conversation {label!r}")
        found.archived = bool(body.get("archived", found.archived))
        found.private = bool(body.get("private", found.private))
        if "bot_in" in body:
            (found.members.add if body["bot_in"] else found.members.discard)("U0BOT")
        self._core.workspace.touch()
        return {"ok": True}


def told(outcome: Outcome) -> Json:
    return {
        "ok": outcome.failure is None,
        "ack_ms": outcome.ms,
        "status": outcome.status,
        "failure": outcome.failure,
        "body": outcome.body,
    }
