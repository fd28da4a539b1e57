"""What the bot counts about itself, for Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from bot.log_setup import is_plain_word

_LABEL = re.compile(r"[A-Za-z0-9_.:/{}-]{1,64}")


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures behind ``/metrics``. Each process builds one, with a registry of its own."""

    registry: CollectorRegistry
    slack_calls: Counter
    probes: Counter
    jobs: Counter
    unreachable_people: Counter
    unknown_codes: Counter
    http_requests: Counter
    bad_connections: Counter
    dead_jobs: Counter
    silent_channels: Gauge

    @classmethod
    def build(cls) -> Metrics:
        registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"inboxkeeper_{name}", about, labels, registry=registry)

        return cls(
            registry=registry,
            slack_calls=counter("slack_calls", "Calls to Slack", "method", "outcome"),
            probes=counter("probes", "Finished probes of mailboxes", "provider", "outcome"),
            jobs=counter("jobs", "Attempts at durable jobs", "kind", "outcome"),
            unreachable_people=counter("unreachable_people", "Notices that nobody could be given"),
            unknown_codes=counter("unknown_codes", "Answers nobody has classified", "provider", "code"),
            http_requests=counter("http_requests", "Requests answered", "route", "status"),
            bad_connections=counter("bad_connections", "Connections that broke off or broke HTTP", "kind"),
            dead_jobs=counter("dead_jobs", "Jobs given up for good", "kind"),
            silent_channels=Gauge(
                "inboxkeeper_silent_channels",
                "Mailboxes whose probes do not finish, up to 500",
                registry=registry,
            ),
        )

    def slack_call(self, method: str, outcome: str) -> None:
        self.slack_calls.labels(_label(method), _label(outcome)).inc()

    def probe(self, provider: str, outcome: str) -> None:
        self.probes.labels(_label(provider), _label(outcome)).inc()

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

    def http_request(self, route: str, status: int) -> None:
        """``route`` is the pattern (``/connect/{ticket}``), never the path that was asked for."""
        self.http_requests.labels(_label(route), str(status)).inc()

    def bad_connection(self, kind: str) -> None:
        self.bad_connections.labels(_label(kind)).inc()

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def _label(value: str) -> str:
    """What may stand in a label: short plain words. Addresses, sentences and secrets become "other"."""
    return value if _LABEL.fullmatch(value) and is_plain_word(value) else "other"
