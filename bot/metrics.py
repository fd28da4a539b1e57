"""What the bot counts about itself, for Prometheus. ``docs/operate.md`` says what each figure means.

How punctual the event loop is counts, too: whoever blocks it keeps everybody waiting.
"""

from __future__ import annotations

import asyncio
import platform
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from bot.log_setup import is_plain_word
from bot.program import VERSION

_LABEL = re.compile(r"[A-Za-z0-9_.:/{}-]{1,64}")
_PREFIX: Final = "inboxkeeper_"

_ACKS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0)
"""Slack gives three seconds."""
_PAGES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATENESS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
_WAITS: Final = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """The figures behind ``/metrics``. Each process builds one, with a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter began is told by the process's own start
        self.registry = CollectorRegistry()
        self.slack_calls = self._counter("slack_calls", "Calls to Slack", "method", "outcome")
        self.acks = self._histogram("ack_seconds", "Until Slack had its answer", _ACKS, "kind")
        self.probes = self._counter("probes", "Finished looks at mailboxes", "provider", "outcome")
        self.lateness = self._histogram("look_lateness_seconds", "From due to begun, per look", _LATENESS)
        self.jobs = self._counter("jobs", "Attempts at durable jobs", "kind", "outcome")
        self.dead_jobs = self._counter("dead_jobs", "Jobs given up for good", "kind")
        self.unreachable_people = self._counter("unreachable_people", "Notices that nobody could be given")
        self.unknown_codes = self._counter(
            "unknown_codes", "Answers nobody has classified", "provider", "code"
        )
        self.http_requests = self._counter("http_requests", "Requests answered", "route", "status")
        self.pages = self._histogram("page_seconds", "Until a request was answered", _PAGES, "route")
        self.bad_connections = self._counter(
            "bad_connections", "Connections that broke off or broke HTTP", "kind"
        )
        self.silent_channels = self._gauge(
            "silent_channels", "Mailboxes whose looks do not finish, up to 500"
        )
        self.channels = self._gauge("channels", "Mailboxes", "state", "provider")
        self.open_incidents = self._gauge("open_incidents", "Disconnects that are not over", "kind")
        self.open_outages = self._gauge("open_outages", "Mass refusals that are not over", "provider")
        self.due_jobs = self._gauge("due_jobs", "Jobs that are due and not done", "kind")
        self.oldest_due_job = self._gauge("oldest_due_job_seconds", "How long the first of them has been due")
        self.waits = self._histogram("database_wait_seconds", "Until a transaction began", _WAITS, "access")
        # Looked up once: every transaction tells how long it waited.
        self._waited = {access: self.waits.labels(access) for access in ("read", "write")}
        self.lag = self._histogram("event_loop_lag_seconds", "How much later than asked a wait ended", _WAITS)
        self.turns = self._counter("worker_turns", "Turns of the background loops", "loop", "outcome")
        self.receivers = self._gauge("webhooks", "Webhooks by how they do", "state")
        self.webhooks = self._counter("webhook_attempts", "Attempts to tell programs", "outcome")
        self.pings = self._counter("heartbeat_pings", "Pings of the heartbeat URL", "outcome")
        self.build_info = self._gauge("build_info", "Always 1; the labels say what runs", "version", "python")
        self.build_info.labels(VERSION, platform.python_version()).set(1)

    @classmethod
    def build(cls) -> Metrics:
        return cls()

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}{name}", about, labels, registry=self.registry, buckets=buckets)

    def slack_call(self, method: str, outcome: str) -> None:
        self.slack_calls.labels(_label(method), _label(outcome)).inc()

    def ack(self, kind: str, seconds: float) -> None:
        self.acks.labels(_label(kind)).observe(seconds)

    def probe(self, provider: str, outcome: str) -> None:
        self.probes.labels(_label(provider), _label(outcome)).inc()

    def looks_begin(self, lateness: Iterable[float]) -> None:
        for seconds in lateness:
            self.lateness.observe(max(seconds, 0.0))

    def job(self, kind: str, outcome: str) -> None:
        self.jobs.labels(_label(kind), _label(outcome)).inc()

    def dead_job(self, kind: str) -> None:
        self.dead_jobs.labels(_label(kind)).inc()

    def silent(self, channels: int) -> None:
        self.silent_channels.set(channels)

    def unreachable(self) -> None:
        self.unreachable_people.inc()

    def unknown_code(self, provider: str, code: str) -> None:
        self.unknown_codes.labels(_label(provider), _label(code)).inc()

    def http_request(self, route: str, status: int, seconds: float) -> None:
        """``route`` is the pattern (``/connect/{ticket}``), never the path that was asked for."""
        self.http_requests.labels(_label(route), str(status)).inc()
        self.pages.labels(_label(route)).observe(seconds)

    def bad_connection(self, kind: str) -> None:
        self.bad_connections.labels(_label(kind)).inc()

    def database_wait(self, access: str, seconds: float) -> None:
        """``access`` is ``read`` or ``write``."""
        self._waited[access].observe(seconds)

    def loop_lag(self, seconds: float) -> None:
        self.lag.observe(seconds)

    def turn(self, loop: str, outcome: str) -> None:
        self.turns.labels(_label(loop), _label(outcome)).inc()

    def webhook(self, outcome: str) -> None:
        self.webhooks.labels(_label(outcome)).inc()

    def ping(self, outcome: str) -> None:
        self.pings.labels(_label(outcome)).inc()

    def census(
        self,
        *,
        channels: Mapping[tuple[str, str], int],
        incidents: Mapping[str, int],
        outages: Mapping[str, int],
        jobs: Mapping[str, int],
        webhooks: Mapping[str, int],
        oldest_job: float,
    ) -> None:
        """What is in the database now: what is there no longer is not shown any more."""
        for gauge in (self.channels, self.open_incidents, self.open_outages, self.due_jobs, self.receivers):
            gauge.clear()
        for (state, provider), count in channels.items():
            self.channels.labels(_label(state), _label(provider)).set(count)
        for gauge, counts in (
            (self.open_incidents, incidents),
            (self.open_outages, outages),
            (self.due_jobs, jobs),
            (self.receivers, webhooks),
        ):
            for name, count in counts.items():
                gauge.labels(_label(name)).set(count)
        self.oldest_due_job.set(oldest_job)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def _label(value: str) -> str:
    """What may stand in a label: short plain words. Addresses, sentences and secrets become "other"."""
    return value if _LABEL.fullmatch(value) and is_plain_word(value) else "other"


_EVERY: Final = 1.0
"""Seconds."""


async def measure_lag(
    observe: Callable[[float], None],
    *,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    now: Callable[[], float] = perf_counter,
) -> None:
    """Wait for a second over and over, and tell ``observe`` how many seconds more it was. Never returns."""
    while True:
        asked = now()
        await pause(_EVERY)
        observe(max(now() - asked - _EVERY, 0.0))


@asynccontextmanager
async def measured(observe: Callable[[float], None]) -> AsyncIterator[None]:
    """Measure until the block ends."""
    task = asyncio.create_task(measure_lag(observe), name="event-loop-lag")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
