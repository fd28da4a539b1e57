"""The Web API: who may call, with which arguments, which method, and how an answer is written down.

Rule: what is not among ``METHODS`` is `unknown_method`. An answer is HTTP 200 with `ok` inside, except 429,
and except when the fault is the network itself. slack_sdk sends arguments as query, form or JSON: a form
carries everything as text; JSON must carry the right type.

chat.*: one message a second and conversation; edits are free of that. conversations.*: ids only, and only
with the scope. users.*: e-mail addresses only with users:read.email. views.*: a trigger is spent before the
view is even looked at.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from sandbox.slack.core import Core, SlackError, Trigger, invalid, missing_argument
from sandbox.slack.payloads import message_json, metadata_problem, person_json, view_json
from sandbox.slack.stack import (
    checked,
    open_modal,
    publish_home,
    push_modal,
    redraw,
    refuse_stale,
    refuse_taken_external_id,
)
from sandbox.slack.state import (
    BOT_ID,
    BOT_NAME,
    BOT_USER,
    SLACKBOT,
    Conversation,
    Json,
    Message,
    Person,
    UserGroup,
    View,
)
from sandbox.slack.validate import normalized, validate_message

T = TypeVar("T")


@dataclass(frozen=True)
class Arguments:
    values: dict[str, Any]

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
        return value or None

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing_argument(name)
        return value

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise invalid("invalid_arguments", [f"[ERROR] must be a number [json-pointer:/{name}]"]) from None

    def structure(self, name: str) -> Any:
        """A nested value: as it is in JSON, decoded from text in a form. None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise invalid("invalid_arguments", [f"[ERROR] invalid json [json-pointer:/{name}]"]) from None

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None


async def _arguments_of(request: web.Request) -> Arguments:
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        values.update(body)
    elif request.can_read_body:
        values.update({key: value for key, value in (await request.post()).items() if isinstance(value, str)})
    return Arguments(values)


def _token_of(request: web.Request, arguments: Arguments) -> str | None:
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ")
    token = arguments.values.get("token")
    return token if isinstance(token, str) else None


@dataclass(frozen=True)
class Method:
    run: Callable[[Core, Arguments], Json]
    scope: str | None = None
    for_app_token: bool = False


def page_of(items: list[T], arguments: Arguments, *, default: int, most: int) -> tuple[list[T], str]:
    """One page, and the cursor of the next (empty at the end)."""
    size = arguments.number("limit", 0) or default
    if not 1 <= size <= most:
        raise SlackError("invalid_limit")
    start = _offset(arguments.text("cursor"))
    following = start + size
    return items[start:following], _cursor(following) if following < len(items) else ""


def _cursor(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(number)
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    raise SlackError("invalid_cursor")


_PACE_SECONDS = 1.0


def _content_of(arguments: Arguments) -> tuple[str, list[Json]]:
    """The text and the blocks, both valid. Raises what Slack would answer."""
    text, blocks = arguments.values.get("text"), arguments.structure("blocks")
    if not text and blocks is None:
        raise SlackError("no_text")
    problems = validate_message({"text": text} if blocks is None else {"text": text, "blocks": blocks})
    if any("msg_blocks_too_long" in problem for problem in problems):
        raise invalid("msg_blocks_too_long", problems)
    if any("json-pointer:/text]" in problem for problem in problems):
        raise invalid(
            "msg_too_long" if isinstance(text, str) and len(text) > 4000 else "invalid_arguments", problems
        )
    if problems:
        raise invalid("invalid_blocks", problems)
    return str(text), normalized(blocks or [])


def _destination_of(core: Core, channel: str) -> Conversation:
    """A conversation the bot may write to. A user id means the conversation with that person."""
    workspace = core.workspace
    if channel.startswith("U"):
        person = workspace.people.get(channel)
        if person is None:
            raise SlackError("channel_not_found")
        if not person.is_human:
            raise SlackError("cannot_dm_bot")
        conversation = workspace.dm_of(channel)
    else:
        conversation = core.known_conversation(channel)
    _refuse_closed(core, conversation)
    return conversation


def _refuse_closed(core: Core, conversation: Conversation) -> None:
    if conversation.archived:
        raise SlackError("is_archived")
    if conversation.with_person is None:
        if BOT_USER not in conversation.members:
            raise SlackError("channel_not_found" if conversation.private else "not_in_channel")
        return
    if core.workspace.people[conversation.with_person].deleted:
        raise SlackError("user_disabled")
    if fault := core.faults.closed_dm(conversation.with_person):
        raise SlackError(fault.error)


def _metadata_of(arguments: Arguments) -> Any:
    metadata = arguments.structure("metadata")
    if metadata is not None and (problem := metadata_problem(metadata)):
        raise SlackError(problem)
    return metadata


def _pace(core: Core, conversation: Conversation) -> None:
    now = core.clock().timestamp()
    if now - core.paced.get(conversation.id, 0.0) < _PACE_SECONDS:
        raise SlackError("ratelimited", retry_after=1)
    core.paced[conversation.id] = now


def _post_message(core: Core, arguments: Arguments) -> Json:
    text, blocks = _content_of(arguments)
    metadata = _metadata_of(arguments)
    conversation = _destination_of(core, arguments.needed("channel"))
    thread_ts = arguments.text("thread_ts")
    if thread_ts is not None and core.workspace.message(conversation.id, thread_ts) is None:
        raise SlackError("thread_not_found")
    _pace(core, conversation)
    message = Message(
        ts=core.workspace.next_ts(),
        conversation=conversation.id,
        author=BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=thread_ts,
        metadata=metadata or None,
    )
    core.workspace.post(message)
    shown = message_json(core.workspace, message, metadata=True)
    return {"channel": conversation.id, "ts": message.ts, "message": shown}


def _post_ephemeral(core: Core, arguments: Arguments) -> Json:
    text, blocks = _content_of(arguments)
    conversation = core.known_conversation(arguments.needed("channel"))
    _refuse_closed(core, conversation)
    user = arguments.needed("user")
    if user not in conversation.members:
        raise SlackError("user_not_in_channel")
    message = Message(
        ts=core.workspace.next_ts(),
        conversation=conversation.id,
        author=BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=arguments.text("thread_ts"),
        ephemeral_to=user,
    )
    core.workspace.post(message)
    return {"message_ts": message.ts}


def _own_message(core: Core, arguments: Arguments, *, refusal: str) -> Message:
    conversation = core.known_conversation(arguments.needed("channel"))
    message = core.workspace.message(conversation.id, arguments.needed("ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    if message.author != BOT_USER:
        raise SlackError(refusal)
    if conversation.archived:
        raise SlackError("is_archived")
    return message


def _update_message(core: Core, arguments: Arguments) -> Json:
    """Stricter than Slack, which keeps or clears the blocks left out: what had blocks must say `blocks`."""
    text, blocks = _content_of(arguments)
    metadata = _metadata_of(arguments)
    message = _own_message(core, arguments, refusal="cant_update_message")
    if message.blocks and not arguments.has("blocks"):
        raise invalid("invalid_arguments", ["[ERROR] say what becomes of the blocks [json-pointer:/blocks]"])
    message.text, message.blocks = text, blocks
    message.edited_ts = core.workspace.next_ts()
    message.values.clear()
    if metadata is not None:
        message.metadata = metadata or None
    core.workspace.touch()
    shown = message_json(core.workspace, message, metadata=True)
    return {"channel": message.conversation, "ts": message.ts, "text": text, "message": shown}


def _delete(core: Core, arguments: Arguments) -> Json:
    message = _own_message(core, arguments, refusal="cant_delete_message")
    core.workspace.remove(message)
    return {"channel": message.conversation, "ts": message.ts}


def _permalink(core: Core, arguments: Arguments) -> Json:
    conversation = core.known_conversation(arguments.needed("channel"))
    ts = arguments.needed("message_ts")
    if core.workspace.message(conversation.id, ts) is None:
        raise SlackError("message_not_found")
    return {
        "channel": conversation.id,
        "permalink": f"{core.settings.base_url()}/?in={conversation.id}#m-{ts}",
    }


_CHAT = {
    "chat.postMessage": Method(_post_message, scope="chat:write"),
    "chat.postEphemeral": Method(_post_ephemeral, scope="chat:write"),
    "chat.update": Method(_update_message, scope="chat:write"),
    "chat.delete": Method(_delete, scope="chat:write"),
    "chat.getPermalink": Method(_permalink),
}


def _open_conversation(core: Core, arguments: Arguments) -> Json:
    users = arguments.needed("users").split(",")
    if len(users) > 1:
        core.require_scope("mpim:write")
        raise SlackError("unknown_method", detail="group conversations are not part of this Slack")
    person = core.known_person(users[0])
    if person.deleted:
        raise SlackError("user_disabled")
    if not person.is_human:
        raise SlackError("cannot_dm_bot")
    if fault := core.faults.closed_dm(person.id):
        raise SlackError(fault.error)
    known = f"D{person.id[1:]}" in core.workspace.conversations
    conversation = core.workspace.dm_of(person.id)
    answer: Json = {"channel": {"id": conversation.id}}
    if arguments.flag("return_im"):
        answer["channel"] = _conversation_json(conversation)
    return {**answer, "already_open": known} if known else answer


def _conversation_json(conversation: Conversation) -> Json:
    if conversation.is_dm:
        return {"id": conversation.id, "is_im": True, "user": conversation.with_person, "is_open": True}
    return {
        "id": conversation.id,
        "name": conversation.name,
        "is_channel": True,
        "is_im": False,
        "is_archived": conversation.archived,
        "is_member": BOT_USER in conversation.members,
        "is_private": conversation.private,
    }


def _readable(core: Core, arguments: Arguments) -> Conversation:
    conversation = core.known_conversation(arguments.needed("channel"))
    core.require_scope("im:history" if conversation.is_dm else "channels:history")
    if not conversation.is_dm and BOT_USER not in conversation.members:
        raise SlackError("not_in_channel")
    return conversation


def _between(messages: list[Message], arguments: Arguments) -> list[Message]:
    oldest, latest = arguments.text("oldest") or "0", arguments.text("latest")
    inclusive = arguments.flag("inclusive")

    def inside(message: Message) -> bool:
        if inclusive and message.ts in (oldest, latest):
            return True
        return float(message.ts) > float(oldest) and (latest is None or float(message.ts) < float(latest))

    return [m for m in messages if m.ephemeral_to is None and inside(m)]


def _history(core: Core, arguments: Arguments) -> Json:
    conversation = _readable(core, arguments)
    said = [m for m in core.workspace.messages.get(conversation.id, []) if m.thread_ts is None]
    return _page(core, arguments, list(reversed(_between(said, arguments))))


def _replies(core: Core, arguments: Arguments) -> Json:
    conversation = _readable(core, arguments)
    thread = core.workspace.thread_of(conversation.id, arguments.needed("ts"))
    if not thread:
        raise SlackError("thread_not_found")
    return _page(core, arguments, _between(thread, arguments))


def _page(core: Core, arguments: Arguments, messages: list[Message]) -> Json:
    page, cursor = page_of(messages, arguments, default=100, most=999)
    whole = arguments.flag("include_all_metadata")
    return {
        "messages": [message_json(core.workspace, m, metadata=whole) for m in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def _conversation_info(core: Core, arguments: Arguments) -> Json:
    conversation_id = arguments.needed("channel")
    core.require_scope("im:read" if conversation_id.startswith("D") else "channels:read")
    return {"channel": _conversation_json(core.known_conversation(conversation_id))}


def _join(core: Core, arguments: Arguments) -> Json:
    conversation = core.known_conversation(arguments.needed("channel"))
    is_member = BOT_USER in conversation.members
    if conversation.private and not is_member:
        raise SlackError("channel_not_found")
    if conversation.is_dm or conversation.private:
        raise SlackError("method_not_supported_for_channel_type")
    if conversation.archived:
        raise SlackError("is_archived")
    warning: Json = {"warning": "already_in_channel"} if is_member else {}
    if not is_member:
        conversation.members.add(BOT_USER)
        said = f"{BOT_NAME} joined #{conversation.name}."
        core.workspace.post(Message(core.workspace.next_ts(), conversation.id, SLACKBOT, said, []))
    return {"channel": _conversation_json(conversation), **warning}


_CONVERSATIONS = {
    "conversations.open": Method(_open_conversation, scope="im:write"),
    "conversations.join": Method(_join, scope="channels:join"),
    "conversations.history": Method(_history),
    "conversations.replies": Method(_replies),
    "conversations.info": Method(_conversation_info),
}


_UNPAGED_PEOPLE = 1000


def _shown(core: Core, person: Person, arguments: Arguments) -> Json:
    return person_json(
        core.workspace,
        person,
        locale=arguments.flag("include_locale"),
        email="users:read.email" in core.settings.scopes,
    )


def _user_info(core: Core, arguments: Arguments) -> Json:
    return {"user": _shown(core, core.known_person(arguments.needed("user")), arguments)}


def _list(core: Core, arguments: Arguments) -> Json:
    people = list(core.workspace.people.values())
    if not arguments.has("limit") and len(people) > _UNPAGED_PEOPLE:
        raise SlackError("limit_required")
    page, cursor = page_of(people, arguments, default=_UNPAGED_PEOPLE, most=1000)
    return {
        "members": [_shown(core, person, arguments) for person in page],
        "cache_ts": int(core.clock().timestamp()),
        "response_metadata": {"next_cursor": cursor},
    }


def _group_json(core: Core, group: UserGroup, *, users: bool) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": core.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "user_count": len(group.users),
    }
    return {**shown, "users": group.users} if users else shown


def _groups(core: Core, arguments: Arguments) -> Json:
    users = arguments.flag("include_users")
    return {"usergroups": [_group_json(core, g, users=users) for g in core.workspace.usergroups.values()]}


def _group_users(core: Core, arguments: Arguments) -> Json:
    group = core.workspace.usergroups.get(arguments.needed("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group.users}


_USERS = {
    "users.info": Method(_user_info, scope="users:read"),
    "users.list": Method(_list, scope="users:read"),
    "usergroups.list": Method(_groups, scope="usergroups:read"),
    "usergroups.users.list": Method(_group_users, scope="usergroups:read"),
}


def _auth_test(core: Core, _arguments: Arguments) -> Json:
    return {
        "url": f"{core.settings.base_url()}/",
        "team": core.workspace.name,
        "user": BOT_NAME.lower(),
        "team_id": core.workspace.team_id,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def _team_info(core: Core, _arguments: Arguments) -> Json:
    workspace = core.workspace
    return {"team": {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain}}


def _connections_open(core: Core, _arguments: Arguments) -> Json:
    ticket = secrets.token_urlsafe(16)
    core.socket_tickets.add(ticket)
    return {"url": f"{core.settings.base_url().replace('http', 'ws', 1)}/socket/{ticket}"}


_TEAM = {
    "auth.test": Method(_auth_test),
    "team.info": Method(_team_info, scope="team:read"),
    "apps.connections.open": Method(_connections_open, for_app_token=True),
}


def _view_argument(arguments: Arguments, *, kind: str) -> Json:
    view = arguments.structure("view")
    if view is None:
        raise missing_argument("view")
    return checked(view, kind=kind)


def _trigger(core: Core, arguments: Arguments) -> Trigger:
    return core.triggers.exchange(arguments.needed("trigger_id"))


def _from_modal(core: Core, trigger: Trigger) -> bool:
    return any(view.id == trigger.view_id for view in core.workspace.modals.get(trigger.user, []))


def _open_view(core: Core, arguments: Arguments) -> Json:
    """From inside a modal this piles up like a push; from anywhere else it starts anew."""
    trigger = _trigger(core, arguments)
    body = _view_argument(arguments, kind="modal")
    refuse_taken_external_id(core.workspace, body)
    put = push_modal if _from_modal(core, trigger) else open_modal
    return _answer(core, put(core.workspace, trigger.user, body))


def _push(core: Core, arguments: Arguments) -> Json:
    trigger = _trigger(core, arguments)
    if not _from_modal(core, trigger):
        raise SlackError("invalid_trigger_id")
    body = _view_argument(arguments, kind="modal")
    refuse_taken_external_id(core.workspace, body)
    return _answer(core, push_modal(core.workspace, trigger.user, body))


def _update_view(core: Core, arguments: Arguments) -> Json:
    view = _wanted(core, arguments)
    body = _view_argument(arguments, kind=view.kind)
    refuse_stale(view, arguments.text("hash"))
    refuse_taken_external_id(core.workspace, body, but=view.id)
    return _answer(core, redraw(core.workspace, view, body))


def _wanted(core: Core, arguments: Arguments) -> View:
    view_id, external_id = arguments.text("view_id"), arguments.text("external_id")
    if (view_id is None) == (external_id is None):
        raise missing_argument("view_id or external_id")
    found = core.workspace.view(view_id) if view_id else _by_external_id(core, str(external_id))
    if found is None:
        raise SlackError("not_found")
    return found


def _by_external_id(core: Core, external_id: str) -> View | None:
    views = [view for stack in core.workspace.modals.values() for view in stack]
    return next((view for view in views if view.body.get("external_id") == external_id), None)


def _publish(core: Core, arguments: Arguments) -> Json:
    if not core.settings.home_tab:
        raise SlackError("not_enabled")
    person = core.known_person(arguments.needed("user_id"))
    body = _view_argument(arguments, kind="home")
    known = core.workspace.homes.get(person.id)
    if known is not None:
        refuse_stale(known, arguments.text("hash"))
    return _answer(core, publish_home(core.workspace, person.id, body))


def _answer(core: Core, view: View) -> Json:
    return {"view": view_json(core.workspace, view)}


_VIEWS = {
    "views.open": Method(_open_view),
    "views.push": Method(_push),
    "views.update": Method(_update_view),
    "views.publish": Method(_publish),
}


METHODS: dict[str, Method] = {**_CHAT, **_CONVERSATIONS, **_USERS, **_TEAM, **_VIEWS}


class WebApi:
    def __init__(self, core: Core) -> None:
        self._core = core

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        faults = self._core.faults
        if faults.strike("away", name):
            self._core.calls.add(name, error="away")
            return hang_up(request)
        await faults.delay(name)
        arguments = Arguments({})
        try:
            arguments = await _arguments_of(request)
            answer = self._call(name, arguments, _token_of(request, arguments))
        except SlackError as error:
            return self._refusal(name, arguments, error)
        self._core.calls.add(name, arguments=arguments.values)
        if faults.strike("lost_answer", name):
            return hang_up(request)
        return web.json_response({"ok": True, **answer})

    def _call(self, name: str, arguments: Arguments, token: str | None) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._admit(method, token)
        self._break(name)
        return method.run(self._core, arguments)

    def _admit(self, method: Method, token: str | None) -> None:
        settings = self._core.settings
        if token is None:
            raise SlackError("not_authed")
        is_bot = hmac.compare_digest(token.encode(), settings.bot_token.encode())
        is_app = hmac.compare_digest(token.encode(), settings.app_token.encode())
        if not (is_bot or is_app):
            raise SlackError("invalid_auth")
        if not settings.installed and is_bot:
            raise SlackError("account_inactive")
        if is_app != method.for_app_token:
            raise SlackError("not_allowed_token_type")
        if method.scope is not None:
            self._core.require_scope(method.scope)

    def _break(self, name: str) -> None:
        if fault := self._core.faults.strike("ratelimited", name):
            raise SlackError("ratelimited", retry_after=fault.retry_after)
        if self._core.faults.strike("tiers", name):
            wait = self._core.tiers.admit(name, self._core.clock())
            if wait is not None:
                raise SlackError("ratelimited", retry_after=wait)
        if fault := self._core.faults.strike("error", name):
            raise SlackError(fault.error)

    def _refusal(self, name: str, arguments: Arguments, error: SlackError) -> web.Response:
        problems = error.beside.get("response_metadata", {}).get("messages", [])
        self._core.calls.add(name, error=error.code, arguments=arguments.values, problems=problems)
        body = {"ok": False, "error": error.code, **error.beside}
        if error.retry_after is None:
            return web.json_response(body)
        return web.json_response(body, status=429, headers={"Retry-After": str(error.retry_after)})


def hang_up(request: web.Request) -> web.Response:
    """The network went away in the middle: the caller gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
