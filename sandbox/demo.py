"""The demo: the local Slack, Google, Microsoft and mail host, and the real bot, composed; and its tour.

The bot gets its own public settings and an injected clock, as any deployment could give it; it knows
nothing of the sandbox. The sandbox answers on ``localhost`` and the bot on ``127.0.0.1``, so that
cookies and content policies behave as across sites. The tour says what one can try, in the README's order,
each step ticked off once it was done: it looks at what the bot has on record, and changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from aiohttp import web
from cryptography.fernet import Fernet

from bot.app import Bot, World, running
from bot.config import Settings, load
from bot.domain.channel import Channel, Kind
from sandbox.break_things import PAGE_LINKS, Breaking
from sandbox.clock import SandboxClock
from sandbox.google import LocalGoogle
from sandbox.hubspot import LocalHubSpot
from sandbox.imap import LocalImap
from sandbox.microsoft import LocalMicrosoft
from sandbox.names import LocalNames
from sandbox.receiver import HOST, Receiver
from sandbox.slack import LocalSlack
from sandbox.slack.page import TourStep
from storage import StorageAway

_LOOKS_BACK: Final = timedelta(days=30)
_MOST: Final = 2_000

STEPS: Final = ("connect", "pause", "mend", "restore", "team", "microsoft", "switch", "imap")
"""By their keys, in the README's order."""


@dataclass
class Tour:
    """Remembers what was done: a later step may undo an earlier one."""

    bot: Bot
    _done: set[str] = field(default_factory=set)

    async def steps(self) -> Sequence[TourStep]:
        """All of them, as they are now."""
        with suppress(StorageAway):  # then what was seen before counts
            self._done |= await self._seen()
        return [TourStep(key, key in self._done) for key in STEPS]

    async def _seen(self) -> set[str]:
        core, workspace_id = self.bot.services.core, self.bot.services.workspace.id
        async with core.storage.reading() as uow:
            lines = await uow.history.of_workspace(workspace_id, core.clock() - _LOOKS_BACK, _MOST)
            channels = await uow.channels.all(workspace_id)
        return done_of({line.what for line in lines}, channels)


def done_of(happened: Collection[str], channels: Collection[Channel]) -> set[str]:
    """The keys of the steps that this shows as done."""
    hosts = {channel.provider for channel in channels}
    facts = {
        "connect": "connect_proven" in happened,
        "pause": {"disable_asked", "enable_asked"} <= set(happened),
        "mend": {"refused", "reconnect_proven"} <= set(happened),
        "restore": {"remove_asked", "restore_proven"} <= set(happened),
        "team": any(channel.kind is Kind.TEAM for channel in channels),
        "microsoft": "microsoft" in hosts,
        "switch": "switch_proven" in happened,
        "imap": "imap" in hosts,
    }
    return {key for key, is_done in facts.items() if is_done}


BOT_TOKEN = "xoxb-local-0000000000-sandboxsandbox"
APP_TOKEN = "xapp-local-0000000000-sandboxsandbox"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
CLIENT_ID = "1234567890-sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-sandbox-secret-0000000000"
MICROSOFT_CLIENT_ID = "5a4db0c5-0000-4000-8000-1b0c4ee9e400"
MICROSOFT_CLIENT_SECRET = "sandbox~secret.00000000000000000000000"

HUBSPOT_TOKEN = "pat-eu1-00000000-sandbox-0000-sandbox"

_DATA = Path("data")
"""Where a demo keeps its database."""


class Served(Protocol):
    """Something local with addresses of its own."""

    def add_routes(self, app: web.Application) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where things are, and how the bot is set up."""

    port: int = 0
    """The local Slack's port; 0 takes a free one."""
    transport: str = "socket"
    database_url: str = ""
    """Empty: a fresh file of its own, named after the port."""
    key: str = field(default_factory=lambda: Fernet.generate_key().decode(), repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of the bot's settings, by their environment names without the prefix."""
    hubspot: bool = False
    """Whether the bot watches the local HubSpot."""


@dataclass(frozen=True)
class Town:
    """Everything that runs."""

    url: str
    """The local Slack's page."""
    clock: SandboxClock
    slack: LocalSlack
    google: LocalGoogle
    microsoft: LocalMicrosoft
    imap: LocalImap
    hubspot: LocalHubSpot
    names: LocalNames
    receiver: Receiver
    settings: Settings
    world: World
    environment: Mapping[str, str] = field(repr=False)
    """The settings as a process of its own would read them."""


@asynccontextmanager
async def town(place: Place, clock: SandboxClock, *, world: World | None = None) -> AsyncIterator[Town]:
    """Everything local, and settings for a bot that fits them; the bot does not run yet."""
    async with AsyncExitStack() as stack:
        front = stack.enter_context(bound("localhost", place.port))
        back = stack.enter_context(bound("127.0.0.1", 0))
        url, bot_url = f"http://localhost:{_port(front)}", f"http://127.0.0.1:{_port(back)}"
        # Only now: whoever holds the port owns the file.
        database_url = place.database_url or fresh_database(_DATA, _port(front))
        slack = _slack(clock, place, bot_url)
        google = _google(clock, bot_url)
        microsoft = _microsoft(clock, bot_url)
        imap = await _imap(stack)
        imap.takes_tokens(google.judges_token)
        names = LocalNames(imap)
        names.hosts[HOST] = (ip_address("127.0.0.1"),)
        receiver = Receiver(clock)
        hubspot = LocalHubSpot(clock=clock, token=HUBSPOT_TOKEN)
        slack.public_url = url
        await _serve(front, url, slack, (google, microsoft, imap, names, hubspot, receiver), stack)
        environment = {
            **_environment(place, database_url, url, bot_url, google.issuer),
            **_at(imap, url, stack),
            **(_watching(url) if place.hubspot else {}),
            **_prefixed(
                {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_ALLOWED_PORTS": str(_port(front))}
            ),
            **_prefixed(place.settings),
        }
        base = world or World()
        yield Town(
            url=url,
            clock=clock,
            slack=slack,
            google=google,
            microsoft=microsoft,
            imap=imap,
            hubspot=hubspot,
            names=names,
            receiver=receiver,
            settings=load(environment, env_file=None),
            world=replace(base, clock=clock, lead=clock.lead, listener=back, names=base.names or names),
            environment={"INBOXKEEPER_PORT": str(_port(back)), **environment},
        )


def _slack(clock: SandboxClock, place: Place, bot_url: str) -> LocalSlack:
    return LocalSlack(
        clock=clock,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
        transport="http" if place.transport == "http" else "socket",
        request_url=f"{bot_url}/slack/events",
    )


def _google(clock: SandboxClock, bot_url: str) -> LocalGoogle:
    return LocalGoogle(
        clock=clock,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uris=(f"{bot_url}/callback/google",),
    )


def _microsoft(clock: SandboxClock, bot_url: str) -> LocalMicrosoft:
    return LocalMicrosoft(
        clock=clock,
        client_id=MICROSOFT_CLIENT_ID,
        client_secret=MICROSOFT_CLIENT_SECRET,
        redirect_uris=(f"{bot_url}/callback/microsoft",),
    )


async def _imap(stack: AsyncExitStack) -> LocalImap:
    imap = LocalImap()
    await imap.start()
    stack.push_async_callback(imap.close)
    return imap


def _at(imap: LocalImap, url: str, stack: AsyncExitStack) -> dict[str, str]:
    """What an operator with a mail server of their own would set."""
    ca_file = Path(stack.enter_context(TemporaryDirectory())) / "ca.pem"
    ca_file.write_bytes(imap.authority.pem)
    return _prefixed(
        {
            "IMAP_ALLOWED_NETWORKS": "127.0.0.0/8",
            "IMAP_ALLOWED_PORTS": f"{imap.tls_port},{imap.starttls_port}",
            "IMAP_CA_FILE": str(ca_file),
            "IMAP_ISPDB_URL": f"{url}/autoconfig",
        }
    )


def _watching(url: str) -> dict[str, str]:
    """What switches the watch over HubSpot on."""
    return _prefixed({"HUBSPOT_TOKEN": HUBSPOT_TOKEN, "HUBSPOT_API_URL": f"{url}/hubspot"})


@asynccontextmanager
async def demo(place: Place) -> AsyncIterator[tuple[Town, Bot]]:
    """The town with the bot in it."""
    world = World(idle_seconds=0.25)
    async with (
        town(place, SandboxClock.running(), world=world) as built,
        running(built.settings, built.world) as bot,
    ):
        built.slack.tour = Tour(bot).steps
        yield built, bot


async def _serve(
    front: socket.socket,
    url: str,
    slack: LocalSlack,
    hosts: tuple[Served, ...],
    stack: AsyncExitStack,
) -> None:
    app = web.Application(client_max_size=4 * 1024 * 1024)
    slack.add_routes(app)
    for host in hosts:
        host.add_routes(app)
    Breaking(url).add_routes(app)
    slack.page_links = PAGE_LINKS
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    # Before the server: open event streams would keep it waiting.
    stack.push_async_callback(slack.close)
    await web.SockSite(runner, front).start()


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


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _environment(place: Place, database_url: str, url: str, bot_url: str, issuer: str) -> dict[str, str]:
    """What an operator would put into the bot's environment to point it here."""
    transport = {"SLACK_APP_TOKEN": APP_TOKEN} if place.transport == "socket" else {}
    values = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": place.key,
        "BASE_URL": bot_url,
        "WATCH_PUBLIC": "true",
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
        "MICROSOFT_CLIENT_ID": MICROSOFT_CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": MICROSOFT_CLIENT_SECRET,
        "MICROSOFT_LOGIN_URL": f"{url}/microsoft",
        "MICROSOFT_GRAPH_URL": f"{url}/microsoft/graph",
        **transport,
    }
    return _prefixed(values)


def _prefixed(values: Mapping[str, str]) -> dict[str, str]:
    return {f"INBOXKEEPER_{name}": value for name, value in values.items()}


def fresh_database(folder: Path, port: int) -> str:
    """A database of its own for one run of the demo: the local Google forgets, so must the bot.

    The port is part of its name, so that two demos do not share one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"demo-{port}.db"
    for old in folder.glob(f"{file.name}*"):
        old.unlink()
    return f"sqlite:///{file}"
