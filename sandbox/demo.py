"""The demo: the local Slack, the local Google and the real bot, composed.

The bot gets its own public settings and an injected clock, as any deployment could give it; it knows
nothing of the sandbox. The sandbox answers on ``localhost`` and the bot on ``127.0.0.1``, so that
cookies and content policies behave as across sites.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from cryptography.fernet import Fernet

from bot.bootstrap import Bot, World, running
from bot.config import Settings, load
from sandbox.clock import SandboxClock
from sandbox.google import LocalGoogle
from sandbox.slack import LocalSlack

BOT_TOKEN = "xoxb-local-0000000000-sandboxsandbox"
APP_TOKEN = "xapp-local-0000000000-sandboxsandbox"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
CLIENT_ID = "1234567890-sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-sandbox-secret-0000000000"


@dataclass(frozen=True)
class Place:
    """Where things are, and how the bot is set up."""

    port: int = 0
    """The local Slack's port; 0 takes a free one."""
    transport: str = "socket"
    database_url: str = "sqlite:///data/demo.db"
    key: str = field(default_factory=lambda: Fernet.generate_key().decode(), repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of the bot's settings, by their environment names without the prefix."""


@dataclass(frozen=True)
class Town:
    """Everything that runs."""

    url: str
    """The local Slack's page."""
    clock: SandboxClock
    slack: LocalSlack
    google: LocalGoogle
    settings: Settings
    world: World


@asynccontextmanager
async def town(place: Place, clock: SandboxClock, *, world: World | None = None) -> AsyncIterator[Town]:
    """The local Slack and Google, and settings for a bot that fits them; the bot does not run yet."""
    async with AsyncExitStack() as stack:
        listener = bound("127.0.0.1", 0)
        stack.callback(listener.close)
        bot_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        slack = LocalSlack(
            clock=clock,
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
            transport="http" if place.transport == "http" else "socket",
            request_url=f"{bot_url}/slack/events",
        )
        google = LocalGoogle(
            clock=clock,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uris=(f"{bot_url}/callback/google",),
        )
        stack.push_async_callback(slack.close)
        url = await _served(slack, google, place.port, stack)
        slack.public_url = url
        settings = load(_environment(place, url, bot_url, google.issuer), env_file=None)
        base = world or World()
        yield Town(
            url=url,
            clock=clock,
            slack=slack,
            google=google,
            settings=settings,
            world=World(
                clock=clock,
                lead=clock.lead,
                idle_seconds=base.idle_seconds,
                engine_runs=base.engine_runs,
                jitter=base.jitter,
                listener=listener,
            ),
        )


@asynccontextmanager
async def demo(place: Place) -> AsyncIterator[tuple[Town, Bot]]:
    """The town with the bot in it."""
    world = World(idle_seconds=0.25)
    async with (
        town(place, SandboxClock.running(), world=world) as built,
        running(built.settings, built.world) as bot,
    ):
        yield built, bot


async def _served(slack: LocalSlack, google: LocalGoogle, port: int, stack: AsyncExitStack) -> str:
    app = web.Application(client_max_size=4 * 1024 * 1024)
    slack.add_routes(app)
    google.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listener = bound("localhost", port)
    await web.SockSite(runner, listener).start()
    return f"http://localhost:{listener.getsockname()[1]}"


def bound(host: str, port: int) -> socket.socket:
    """A listening socket on loopback. Raises ``OSError`` if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    return listener


def _environment(place: Place, url: str, bot_url: str, issuer: str) -> dict[str, str]:
    """What an operator would put into the bot's environment to point it here."""
    transport = {"SLACK_APP_TOKEN": APP_TOKEN} if place.transport == "socket" else {}
    values = {
        "DATABASE_URL": place.database_url,
        "SECRET_KEYS": place.key,
        "BASE_URL": bot_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{url}/api",
        "GOOGLE_CLIENT_ID": CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
        "GOOGLE_AUTH_URL": f"{url}/google/o/oauth2/v2/auth",
        "GOOGLE_TOKEN_URL": f"{url}/google/token",
        "GOOGLE_REVOKE_URL": f"{url}/google/revoke",
        "GOOGLE_CERTS_URL": f"{url}/google/certs",
        "GOOGLE_ISSUER": issuer,
        "GMAIL_API_URL": f"{url}/google",
        **transport,
        **place.settings,
    }
    return {f"INBOXKEEPER_{name}": value for name, value in values.items()}


def fresh_database(folder: Path) -> str:
    """A database of its own for one run of the demo: the local Google forgets, so must the bot."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("demo.db*"):
        old.unlink()
    return f"sqlite:///{folder / 'demo.db'}"
