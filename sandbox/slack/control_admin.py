"""The control API behind the scenes: break and mend, people, installation, the clock, hostile requests.

Rule: what Slack would tell the bot about a change is told, and its outcome answered.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import aiohttp
from aiohttp import web

from sandbox.slack import payloads
from sandbox.slack.control import body_of, refusing, text_of
from sandbox.slack.core import Core
from sandbox.slack.delivery import HttpDelivery, Outcome, Retry
from sandbox.slack.errors import CannotAct
from sandbox.slack.events import Events
from sandbox.slack.faults import Fault
from sandbox.slack.hostile import REQUESTS
from sandbox.slack.seed import newcomer
from sandbox.slack.socketmode import SocketDelivery
from sandbox.slack.state import Json, Person, UserGroup

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
        make = REQUESTS.get(kind)
        if make is None:
            raise CannotAct(404, f"no request called {kind!r}", kinds=sorted(REQUESTS))
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
