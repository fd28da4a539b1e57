"""A tiny Bolt app under a local Slack, over either transport: what the tests of the sandbox talk to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import SandboxClock
from sandbox.slack import LocalSlack
from tests.driver import Driver

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-local", "xapp-local", "shh"
Transport = Literal["socket", "http"]


@dataclass
class World:
    slack: LocalSlack
    driver: Driver
    clock: SandboxClock
    app: AsyncApp
    client: AsyncWebClient
    session: aiohttp.ClientSession
    got: list[dict[str, Any]] = field(default_factory=list)
    offered: dict[str, Any] | None = None
    """What the bot answers to whoever types into its external select; nothing at all if ``None``."""

    async def api(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A raw call as the bot, its answer unjudged."""
        url = f"{self.slack.public_url}/api/{method}"
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        async with self.session.post(url, json=arguments, headers=headers) as response:
            answer: dict[str, Any] = await response.json()
            return {"http": response.status, **answer}

    async def slack_open(self) -> dict[str, Any]:
        """A fresh Socket Mode address."""
        url = f"{self.slack.public_url}/api/apps.connections.open"
        async with self.session.post(url, headers={"Authorization": f"Bearer {APP_TOKEN}"}) as response:
            answer: dict[str, Any] = await response.json()
            return answer


async def _served(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


async def _authorize(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None, team_id="T0ACME", bot_token=BOT_TOKEN, bot_id="B0BOT", bot_user_id="U0BOT"
    )


@asynccontextmanager
async def world(
    transport: Transport, *, frozen: bool = True, ack_within: float = 3.0, **settings: Any
) -> AsyncIterator[World]:
    # Bolt itself judges the age of a signature here, by the machine's clock: five minutes, no more.
    now = datetime.now(UTC).replace(microsecond=0)
    clock = SandboxClock.frozen(now) if frozen else SandboxClock.running()
    slack = LocalSlack(
        clock=clock,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        transport=transport,
        ack_within=ack_within,
        **settings,
    )
    served = web.Application()
    slack.add_routes(served)
    runner, slack.public_url = await _served(served)
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=BOT_TOKEN, base_url=f"{slack.public_url}/api/", session=session, retry_handlers=[]
        )
        app = AsyncApp(
            client=client, signing_secret=SECRET, authorize=_authorize, process_before_response=True
        )
        made = World(slack, Driver(str(slack.public_url), session), clock, app, client, session)
        _register(made)
        stop = await _connect(made, transport)
        try:
            yield made
        finally:
            await stop()
            await slack.close()
            await runner.cleanup()


async def _connect(made: World, transport: Transport) -> Any:
    if transport == "socket":
        handler = AsyncSocketModeHandler(made.app, APP_TOKEN, web_client=made.client)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await made.slack.until_connected()
        return handler.close_async

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await made.app.async_dispatch(await to_bolt_request(request)))

    bot = web.Application()
    bot.router.add_post("/slack/events", receive)
    runner, url = await _served(bot)
    made.slack.request_url = f"{url}/slack/events"
    return runner.cleanup


ROW = "*<mailto:a@acme.example|a@acme.example>* is connected"


def a_list() -> dict[str, Any]:
    confirm = {
        "title": {"type": "plain_text", "text": "Disable?"},
        "text": {"type": "mrkdwn", "text": "It stops *at once*."},
        "confirm": {"type": "plain_text", "text": "Yes, disable it"},
        "deny": {"type": "plain_text", "text": "Keep it"},
    }
    rows: list[dict[str, Any]] = []
    for address in ("a@acme.example", "b@acme.example"):
        button = {
            "type": "button",
            "action_id": "channel.disable",
            "value": address,
            "confirm": confirm,
            "text": {"type": "plain_text", "text": "Disable"},
        }
        rows.append(
            {"type": "section", "text": {"type": "mrkdwn", "text": f"*{address}*"}, "accessory": button}
        )
    link = {
        "type": "button",
        "action_id": "open",
        "url": "https://example.com/x",
        "text": {"type": "plain_text", "text": "Open"},
    }
    return {"text": "2 inboxes", "blocks": [*rows, {"type": "actions", "elements": [link]}]}


def a_form() -> dict[str, Any]:
    def option(word: str) -> dict[str, Any]:
        return {"text": {"type": "plain_text", "text": word}, "value": word.lower()}

    return {
        "type": "modal",
        "callback_id": "connect",
        "notify_on_close": True,
        "title": {"type": "plain_text", "text": "Connect an inbox"},
        "submit": {"type": "plain_text", "text": "Continue"},
        "close": {"type": "plain_text", "text": "Not now"},
        "blocks": [
            {
                "type": "input",
                "block_id": "address",
                "label": {"type": "plain_text", "text": "Address"},
                "element": {"type": "email_text_input", "action_id": "typed"},
            },
            {
                "type": "input",
                "block_id": "kind",
                "label": {"type": "plain_text", "text": "Whose inbox"},
                "element": {
                    "type": "radio_buttons",
                    "action_id": "chosen",
                    "options": [option("Mine"), option("Team")],
                    "initial_option": option("Mine"),
                },
            },
            {
                "type": "actions",
                "block_id": "more",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "deeper",
                        "text": {"type": "plain_text", "text": "Deeper"},
                    }
                ],
            },
        ],
    }


def a_search() -> dict[str, Any]:
    element = {
        "type": "multi_external_select",
        "action_id": "pick",
        "min_query_length": 2,
        "max_selected_items": 2,
        "initial_options": [{"text": _plain("Ann"), "value": "ann"}],
    }
    return {
        "type": "modal",
        "callback_id": "search",
        "title": _plain("Choose"),
        "submit": _plain("Continue"),
        "blocks": [{"type": "input", "block_id": "who", "label": _plain("Who"), "element": element}],
    }


def _register(made: World) -> None:
    app = made.app

    @app.command("/inbox")
    async def command(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        made.got.append(body)
        if body["text"] == "connect":
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=a_form())
        elif body["text"] == "search":
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=a_search())
        elif body["text"] == "list":
            await ack(**a_list())
        elif body["text"] == "bad":
            await ack(text="x", blocks=[{"type": "video"}])
        elif body["text"] != "silence":
            await ack(f"You said {body['text']}")

    @app.action(re.compile(".*"))
    async def action(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        made.got.append(body)
        await ack()
        if body["actions"][0]["action_id"] == "deeper":
            with suppress(SlackApiError):
                await client.views_push(trigger_id=body["trigger_id"], view=a_form())

    @app.options("pick")
    async def pick(ack: Any, body: dict[str, Any]) -> None:
        made.got.append(body)
        if made.offered is not None:
            await ack(**made.offered)

    @app.view("connect")
    async def submitted(ack: Any, body: dict[str, Any]) -> None:
        made.got.append(body)
        typed = body["view"]["state"]["values"]["address"]["typed"]["value"]
        if typed.startswith("bad"):
            await ack(response_action="errors", errors={"address": "No such mailbox"})
        elif typed.startswith("trouble"):
            await ack(response_action="errors", errors={"nowhere": "lost"})
        elif typed.startswith("next"):
            await ack(response_action="update", view={**a_form(), "title": _plain("Looking up…")})
        else:
            await ack()

    @app.view_closed("connect")
    async def closed(ack: Any, body: dict[str, Any]) -> None:
        made.got.append(body)
        await ack()

    @app.event("app_home_opened")
    async def home(body: dict[str, Any], client: AsyncWebClient) -> None:
        made.got.append(body)
        blocks = [{"type": "header", "text": _plain("Your inboxes")}]
        await client.views_publish(user_id=body["event"]["user"], view={"type": "home", "blocks": blocks})

    @app.event("user_change")
    async def changed(body: dict[str, Any]) -> None:
        made.got.append(body)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
