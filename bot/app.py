"""Wires everything together, once: the only place that knows all parts, and the only one with a clock.

``assemble`` makes a bot from settings and a few things of the outside world; ``serve`` runs one.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.config import Settings
from bot.config_validators import is_loopback
from bot.domain.api_key import network_of
from bot.domain.errors import SlackError
from bot.domain.grant import Secret
from bot.domain.ids import UserId
from bot.domain.job import JobKind
from bot.domain.probe_policy import Cadence
from bot.http_server import listening
from bot.metrics import Metrics, measured
from bot.notifier import SlackMessenger
from bot.services import Services, services_of
from bot.services.connections.webhooks import WebhookDelivery
from bot.services.core.jobs import Jobs, attempted
from bot.services.core.notifications import Notifications
from bot.services.core.ports import Clock, Core, Credential, Policy
from bot.services.monitoring.hubspot import stop_watching
from bot.services.monitoring.hubspot.watch import LOOK_LASTS
from bot.services.monitoring.watchdog import PATIENCE
from bot.sign_of_life import SignOfLife
from bot.slack.client import Pause, SlackClient, slack_client, who_are_we
from bot.slack.directory import SlackDirectory
from bot.webhook_sender import WebhookSender
from bot.worker import IDLE_SECONDS, Turn, Wake, Worker
from handlers.bolt import Identity, SlackApp, build_slack
from handlers.slack_http import SlackHttp
from handlers.socket_mode import Socket
from handlers.web import Vitals, build_watch, build_web
from providers.base import Provider
from providers.detect import Detector, SystemNames
from providers.google.provider import Google
from providers.http_client import HttpClient, Session, http_session, provider_session
from providers.hubspot.client import HubSpotClient
from providers.imap.autoconfig import HTTPS, Names, guarded_session
from providers.imap.provider import Imap, guarded_web
from providers.microsoft.oauth import MicrosoftTenants
from providers.microsoft.provider import Microsoft, needed_in
from providers.registry import Registry
from providers.ssrf import SsrfGuard
from storage import Age, Cipher, Share, Storage, StorageAway, migrate, working_for

_log = structlog.get_logger(__name__)


def real_clock() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def no_lead() -> timedelta:
    """The injected clock is the real one."""
    return timedelta(0)


@dataclass(frozen=True)
class World:
    """What the bot takes from outside: tests and the sandbox bring their own."""

    clock: Clock = real_clock
    lead: Callable[[], timedelta] = no_lead
    """How far the clock runs ahead of the real one."""
    idle_seconds: float = IDLE_SECONDS
    engine_runs: bool = True
    """``False`` for tests that call ``Bot.settle`` instead."""
    listener: socket.socket | None = None
    """A bound socket to serve on; ``None`` binds ``HOST`` and ``PORT``."""
    names: Names | None = None
    """Where the names of mail hosts are looked up; ``None`` asks this machine."""
    pause: Pause = asyncio.sleep
    """Passes the time until Slack is asked again for a connection."""
    jitter: Callable[[], float] = lambda: random.uniform(-1, 1)  # noqa: S311  spreads load, guards nothing


T = TypeVar("T")
_SAYS_AFTER: Final = 5.0
"""Seconds: longer than a start takes."""
TURNS_TAKE: Final = {"probes": PATIENCE, "hubspot": LOOK_LASTS}
"""Loops, by name, whose turn may take long: logins that hang keep a batch busy as long as its lease."""

_KEYS_LOST: Final = (
    "INBOXKEEPER_SECRET_KEYS do not open this database: it was written with another key. "
    "Next: add the old key behind the new one, separated by a comma. Without it every inbox must be "
    "connected again."
)


class KeysLost(Exception):
    """No key opens what this database holds. Its text is meant for the operator."""


@dataclass(frozen=True)
class Sessions:
    """HTTP to the outside."""

    plain: aiohttp.ClientSession
    """To whoever the operator has named."""
    guarded: aiohttp.ClientSession
    """To hosts that people name: never to an inner one."""
    quick: Session
    """To Google and Microsoft, whom every look asks."""


def core_of(
    settings: Settings, world: World, storage: Storage, *, http: Sessions, metrics: Metrics, wake: Wake
) -> Core:
    """The parts that every service stands on."""
    return Core(
        storage=storage,
        providers=Registry(providers_of(settings, world, http)),
        detector=Detector(names_of(world), tenants=_tenants_of(settings, http)),
        clock=world.clock,
        policy=policy_of(settings),
        telemetry=metrics,
        wake=wake,
        wake_in=wake.after,
        jitter=world.jitter,
    )


def policy_of(settings: Settings) -> Policy:
    """What the operator decided, in the services' words."""
    return Policy(
        cadence=Cadence(
            team=timedelta(seconds=settings.probe_team_seconds),
            personal=timedelta(seconds=settings.probe_personal_seconds),
            witness=timedelta(seconds=settings.witness_seconds),
        ),
        mail_watch=timedelta(seconds=settings.mail_watch_seconds),
        base_url=settings.base_url.rstrip("/"),
        command=settings.command,
        super_admins=frozenset(map(UserId, settings.super_admins)),
        operators=frozenset(map(UserId, settings.operators)),
        allowed_domains=settings.allowed_domains,
        loopback_only=is_loopback(urlsplit(settings.base_url).hostname or ""),
        features=settings.features,
        credentials=credentials_of(settings),
        hubspot_local=settings.hubspot.local if settings.hubspot else "",
        keeps_tokens=settings.api,
        trusted_proxies=tuple(map(network_of, settings.trusted_proxies)),
    )


def hubspot_of(
    settings: Settings, *, session: aiohttp.ClientSession, clock: Clock
) -> tuple[HubSpotClient, timedelta] | None:
    """Who reads the HubSpot portal, and how often; nobody without a token."""
    portal = settings.hubspot
    if portal is None:
        return None
    return HubSpotClient(HttpClient(session), portal.tokens, clock, api_url=portal.api_url), portal.every


def credentials_of(settings: Settings) -> tuple[Credential, ...]:
    """What proves us for a limited time, as far as its end is known."""
    microsoft = settings.microsoft
    if microsoft is None:
        return ()
    if microsoft.certificate is not None:
        return (Credential("certificate", microsoft.certificate.ends_at),)
    ends = settings.microsoft_secret_ends
    return (Credential("secret", datetime.combine(ends, time(), UTC)),) if ends else ()


def providers_of(settings: Settings, world: World, http: Sessions) -> list[Provider]:
    """The providers that there are clients for, and the one that needs none."""
    found: list[Provider] = []
    if settings.google is not None:
        found.append(Google(settings.google, session=http.quick, clock=world.clock))
    if settings.microsoft is not None:
        found.append(Microsoft(settings.microsoft, session=http.quick, clock=world.clock))
    if settings.imap_client is not None:
        imap = settings.imap_client
        found.append(
            Imap.built(imap, names=names_of(world), listed=http.plain, own=http.guarded, clock=world.clock)
        )
    return found


def needed_scopes_of(settings: Settings) -> dict[str, frozenset[str]]:
    """What the providers that are on need themselves, by key; known without asking any of them."""
    google = {Google.key: Google.needed_scopes} if settings.google else {}
    microsoft = {Microsoft.key: needed_in(settings.microsoft.mode)} if settings.microsoft else {}
    return {**google, **microsoft, **({Imap.key: Imap.needed_scopes} if settings.imap else {})}


@asynccontextmanager
async def sending_webhooks(settings: Settings, world: World) -> AsyncIterator[WebhookSender]:
    """The way to programs' receivers: never to an inner host, but in networks that the operator names."""
    networks = tuple(ip_network(one) for one in settings.webhook_allowed_networks)
    ports = frozenset({80, *map(int, settings.webhook_allowed_ports)})
    guard = SsrfGuard(names_of(world), HTTPS, allowed_networks=networks, allowed_ports=ports)
    async with guarded_session(guard) as session:
        yield WebhookSender(session, guard, world.clock)


def names_of(world: World) -> Names:
    """Who knows the names of mail hosts."""
    return world.names or SystemNames()


def _tenants_of(settings: Settings, http: Sessions) -> MicrosoftTenants | None:
    """Who knows which domains are Microsoft's; nobody asks where there is no Microsoft client."""
    return MicrosoftTenants(http.plain, settings.microsoft.login_url) if settings.microsoft else None


def client_of(
    settings: Settings, *, session: aiohttp.ClientSession, clock: Clock, metrics: Metrics
) -> SlackClient:
    """Slack's client for our token."""
    token = settings.slack_bot_token.get_secret_value()
    return slack_client(token, api_url=settings.slack_api_url, session=session, clock=clock, metrics=metrics)


def cipher_of(settings: Settings) -> Cipher:
    """The keys that secrets are sealed with."""
    return Cipher(_revealed(settings.secret_keys))


def _revealed(secrets: tuple[SecretStr, ...]) -> list[str]:
    return [secret.get_secret_value() for secret in secrets]


@dataclass(frozen=True)
class Bot:
    """A bot that runs."""

    services: Services
    engine: Worker
    slack: SlackApp
    metrics: Metrics
    watch: web.Application
    """What monitoring asks, for a port of its own."""
    web: web.Application

    async def settle(self) -> int:
        """Do everything that is due now, without the engine's loops: for tests that own the clock."""
        return await self.engine.settle()


@asynccontextmanager
async def running(settings: Settings, world: World | None = None) -> AsyncIterator[Bot]:
    """A bot that serves its pages, listens to Slack and works off what is due until the block ends.

    Raises ``SlackRefuses``, ``storage.DatabaseInUse``, ``storage.StorageAway``, ``KeysLost``.
    """
    world = world or World()
    async with AsyncExitStack() as stack:
        bot = await _assembled(settings, world, stack)
        await attempted(bot.services.people.meet(), what="people")
        await stack.enter_async_context(
            listening(
                bot.web,
                host=settings.host,
                port=settings.port,
                listener=world.listener,
                count=bot.metrics.bad_connection,
            )
        )
        if settings.watch_port is not None:
            await stack.enter_async_context(
                listening(
                    bot.watch,
                    host=settings.watch_host,
                    port=settings.watch_port,
                    count=bot.metrics.bad_connection,
                )
            )
        if world.engine_runs:
            await stack.enter_async_context(measured(bot.metrics.loop_lag))
            bot.engine.start()
            stack.push_async_callback(bot.engine.stop)
        await bot.services.workspaces.seen(bot.services.workspace)
        yield bot


async def _assembled(settings: Settings, world: World, stack: AsyncExitStack) -> Bot:
    storage = await _opened(settings, world, stack)
    session = await stack.enter_async_context(http_session())
    metrics, wake = Metrics.build(), Wake()
    client = client_of(settings, session=session, clock=world.clock, metrics=metrics)
    ours = await who_are_we(client, world.clock, world.pause)
    core = core_of(
        settings,
        world,
        storage,
        http=Sessions(
            plain=session,
            guarded=await stack.enter_async_context(guarded_web(settings.imap_hosts, names_of(world))),
            quick=await stack.enter_async_context(provider_session()),
        ),
        metrics=metrics,
        wake=wake,
    )
    messenger = SlackMessenger(client)
    services = services_of(
        core,
        directory=SlackDirectory(client, home=ours.workspace.id),
        messenger=messenger,
        workspace=ours.workspace,
        hubspot=hubspot_of(settings, session=session, clock=world.clock),
        webhook_sender=await stack.enter_async_context(sending_webhooks(settings, world)),
    )
    stack.push_async_callback(services.jobs.drain)
    stack.push_async_callback(services.probes.save_at_last)
    if services.hubspot_watch is None:
        ended = stop_watching(core, services.incidents, Notifications(core), ours.workspace.id)
        await attempted(ended, what="hubspot")
    if await storage.take_over():
        await attempted(services.oauth_flow.end_interrupted(), what="sign-ins")
    slack = build_slack(
        services,
        client=client,
        identity=Identity(ours.workspace.id, ours.workspace.bot_user_id, ours.bot_id),
        command=settings.command,
        clock=world.clock,
    )
    services.jobs.does(JobKind.REFRESH_HOME, slack.home_changed)
    stack.push_async_callback(slack.drain)
    storage.waited = metrics.database_wait
    link = await _socket(settings, world, slack, services, client=client, stack=stack)

    async def is_well() -> bool:
        is_ready = all((await ready()).values())
        return is_ready and storage.has_room() and await _is_reached(messenger)

    engine = _engine(services, world, wake, metrics, _ping(settings, session, world, metrics, is_well))

    async def ready() -> dict[str, bool]:
        return {
            "database": services.heartbeat.is_writing and await _answers(storage),
            "tables": await _suits(storage),
            "slack": link is None or link.is_connected,
            "engine": engine.is_turning,
            "probes": not services.watchdog.is_silent,
            "workspace": not await _is_gone(services),
        }

    app = build_web(
        services,
        inbound=_inbound(settings, slack, world),
        base_url=core.policy.base_url,
        team_url=ours.url,
        vitals=Vitals(ready, metrics, services.census.refresh if settings.watch_public else None),
    )
    watch = build_watch(ready=ready, metrics=metrics, census=services.census.refresh)
    return Bot(services, engine, slack, metrics, watch=watch, web=app)


async def _opened(settings: Settings, world: World, stack: AsyncExitStack) -> Storage:
    """The database, up to date, with keys that fit."""
    url = settings.database_url.get_secret_value()
    if await up_to_date(url) is Age.AHEAD:
        _log.warning(
            "a newer version made the database's tables: this one serves with them until it is upgraded"
        )
    storage = await Storage.open(url, cipher=cipher_of(settings), lead=world.lead, exclusive=True)
    stack.push_async_callback(storage.close)
    stack.push_async_callback(storage.withdraw)
    # Before the keys are checked: whoever changes them looks afterwards who runs.
    async with storage.writing() as uow:
        await storage.announce(uow)
        await uow.commit()
    if not await storage.check_keys():
        raise KeysLost(_KEYS_LOST)
    return storage


async def up_to_date(url: str) -> Age:
    """The tables of the database at ``url``, migrated. The log says what that waits for."""
    return await patiently(migrate(url, gave_way=_gave_way))


def _gave_way(longest: str) -> None:
    _log.warning(
        "the tables are in use: the migration gave way, so that nobody waits behind it, and tries again "
        "until it is let in. If a backup or a long query runs, let it end",
        longest_at_work=longest or "unknown",
    )


async def patiently(work: Coroutine[object, object, T], *, says_after: float = _SAYS_AFTER) -> T:
    """The result of ``work``. While that takes longer than ``says_after`` seconds, the log says what for: a
    pool may be full, or another process at work on the tables."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=says_after))[0]:
            _log.warning("still waiting for the database: no connection is free, or it is being migrated")
        return task.result()
    except asyncio.CancelledError:
        task.cancel()
        raise


def _ping(
    settings: Settings,
    session: aiohttp.ClientSession,
    world: World,
    metrics: Metrics,
    is_well: Callable[[], Awaitable[bool]],
) -> dict[str, Turn]:
    """The loop that gives a sign of life, where somebody waits for one."""
    if settings.heartbeat_url is None:
        return {}
    url = Secret(settings.heartbeat_url.get_secret_value())
    ping = SignOfLife(url, session=session, clock=world.clock, is_well=is_well, count=metrics.ping)
    return {"heartbeat": ping.run_due}


def _engine(
    services: Services, world: World, wake: Wake, metrics: Metrics, more: Mapping[str, Turn]
) -> Worker:
    loops = {
        "clock": (services.clock_skew.run_due, Share.UPKEEP),
        "database": (services.heartbeat.run_due, Share.HEARTBEAT),
        "secrets": (services.probes.run_due, Share.PROBES),
        "pace": (services.schedule.run_due, Share.UPKEEP),
        "probes": (services.monitoring.run_due, Share.PROBES),
        "jobs": (services.jobs.run_due, Share.JOBS),
        "chores": (services.maintenance.run_due, Share.UPKEEP),
        "silence": (services.watchdog.run_due, Share.UPKEEP),
        **{name: (turn, Share.UPKEEP) for name, turn in more.items()},
    }
    if services.webhooks is not None:
        loops["webhooks"] = (_telling(services.webhooks, services.jobs), Share.JOBS)
    if services.hubspot_watch is not None:
        loops["hubspot"] = (services.hubspot_watch.run_due, Share.PROBES)
    return Worker(
        {name: working_for(share, turn) for name, (turn, share) in loops.items()},
        clock=world.clock,
        wake=wake,
        idle_seconds=world.idle_seconds,
        patience=TURNS_TAKE,
        count=metrics.turn,
    )


def _telling(webhooks: WebhookDelivery, jobs: Jobs) -> Turn:
    async def turn() -> int:
        return await webhooks.publish() + await jobs.run_apart()

    return turn


def _inbound(settings: Settings, slack: SlackApp, world: World) -> SlackHttp | None:
    """The route for Slack's requests. Under Socket Mode Slack has no business posting."""
    if settings.socket_mode:
        return None
    secrets = _revealed(settings.slack_signing_secret)
    return SlackHttp(slack, signing_secrets=secrets, clock=world.clock)


async def _socket(
    settings: Settings,
    world: World,
    slack: SlackApp,
    services: Services,
    *,
    client: SlackClient,
    stack: AsyncExitStack,
) -> Socket | None:
    if settings.slack_app_token is None:
        return None
    link = Socket(
        slack,
        app_token=settings.slack_app_token.get_secret_value(),
        client=client,
        news=services.workspaces,
        jitter=world.jitter,
        pause=world.pause,
    )
    await link.start()
    stack.push_async_callback(link.close)
    return link


async def _is_gone(services: Services) -> bool:
    try:
        return await working_for(Share.CHECKS, services.workspaces.is_gone)()
    except StorageAway:
        return False  # "database" says it


async def _is_reached(messenger: SlackMessenger) -> bool:
    """Whether Slack takes our token now."""
    try:
        return await messenger.is_there()
    except SlackError:
        return False


async def _suits(storage: Storage) -> bool:
    """Whether the tables are still this version's or a newer one's: a database may be put back under us."""
    try:
        return await storage.age() is not Age.BEHIND
    except StorageAway:
        return False


async def _answers(storage: Storage) -> bool:
    try:
        await storage.ping()
    except StorageAway:
        return False
    return True
