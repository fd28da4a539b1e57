"""Logs and figures about the bot itself.

The one rule: whatever is written, by us or by a library, passes ``concealed`` last, so that no secret
and no short-lived capability of Slack's reaches a log, exception texts included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TextIO
from urllib.parse import quote_plus

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor, WrappedLogger

HIDDEN = "[hidden]"

LEAST_LEVELS = {
    # Their debug output holds bodies with tokens; slack_bolt also quotes requests it did not like.
    "slack_sdk": logging.INFO,
    "slack_bolt": logging.WARNING,
    "aiohttp.access": logging.WARNING,  # paths hold tickets
    "msal": logging.WARNING,
    "google": logging.WARNING,
    "urllib3": logging.WARNING,
    "sqlalchemy.engine": logging.WARNING,  # statements with their parameters
    "aiosqlite": logging.WARNING,
}

_NAMES = (
    "access_token|refresh_token|id_token|token|client_secret|signing_secret|secret|secret_keys?|password"
    "|authorization|cookie|trigger_id|response_url|verifier|ticket"
)
_SECRET_NAME = re.compile(rf"(?i)(?:.*[_-])?(?:{_NAMES})")
_SHAPES = (
    r"(?:xoxe\.)?xox[a-z]-[A-Za-z0-9.-]+|xapp-[A-Za-z0-9-]+",
    r"https?:(?:\\?/){2}hooks\.slack\.com[^\s\"'<>]*|https?:[^\s\"'<>]+/respond/[^\s\"'<>]*",
    r"ya29\.[\w.-]+|(?<![\w/:])1//[\w-]+|(?<![\w/:])4/[\w-]{20,}|GOCSPX-[\w-]+",
    r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*",
    r"gAAAAA[\w-]{20,}={0,2}|(?<![\w/+-])[\w-]{43}=(?!\w)",
)
"""What a secret looks like wherever it stands: Slack's, Google's, signed tokens, Fernet's."""
_PLACES = (
    r"(?i)(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{6,}",
    r"(?i)(://[^/\s:@\"']*:)[^@/\s\"']+(?=@)",
    rf"(?i)((?<![a-z])(?:[a-z]+[_-])*(?:{_NAMES})\\?[\"']?\s*[=:]\s*\\?([\"']))(?:(?!\\?\2).)+",
    rf"(?i)((?<![a-z])(?:[a-z]+[_-])*(?:{_NAMES})=)(?![\"'])[^\s&,;)\]}}]+",
    # In a query or a form these two are capabilities; elsewhere a state or an error code is news.
    r"([?&](?:code|state)=)[^\s\"'&]+",
    r"((?<![\w.])(?:code|state)=)[^\s\"'&]+(?=&)",
    r"((?<![\w.])(?:code|state)=)[^\s\"'&]{32,}",
)
"""Where a secret stands, whatever it looks like. The first group stays."""

_shapes = re.compile("|".join(_SHAPES))
_places = tuple(re.compile(place) for place in _PLACES)
_known: set[str] = set()


def redact(*secrets: str) -> None:
    """Conceal these very strings from now on, however they are quoted in an address."""
    _label.cache_clear()
    for secret in secrets:
        if len(secret) >= 6:  # shorter ones would blot out ordinary words
            _known.update({secret, quote_plus(secret)})


def concealed(text: str) -> str:
    """The text without secrets."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _shapes.sub(HIDDEN, text)
    for place in _places:
        text = place.sub(rf"\1{HIDDEN}", text)
    return text


def conceal(logger: WrappedLogger, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The structlog processor that stands last before rendering, for our lines and everybody's."""
    return {key: _without_secrets(key, value) for key, value in event.items()}


def _without_secrets(key: object, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(key, str) and _SECRET_NAME.fullmatch(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): _without_secrets(name, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(None, inner) for inner in value]
    return concealed(value if isinstance(value, str) else repr(value))


class _Handler(logging.StreamHandler[TextIO]):
    """The only handler of ours at the root."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """The standard one prints the record's arguments, unfiltered."""
        sys.stderr.write(f"A log line of {record.name} (line {record.lineno}) could not be written.\n")


def configure(
    log_format: Literal["console", "json"] = "console",
    *,
    level: int = logging.INFO,
    secrets: tuple[str, ...] = (),
    stream: TextIO | None = None,
) -> None:
    """Send structlog and standard logging through one root handler. Calling it again replaces it."""
    redact(*secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                conceal,
                _renderer(log_format, coloured=handler.stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if not isinstance(other, _Handler)] + [handler]
    root.setLevel(level)
    for name, least in LEAST_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, least))


def _renderer(log_format: Literal["console", "json"], *, coloured: bool) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # The prettier tracebacks show local variables, and those hold tokens.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=coloured, exception_formatter=plain)


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

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


@lru_cache(maxsize=1024)
def _label(value: str) -> str:
    """What may stand in a label: short plain words. Addresses, sentences and secrets become "other"."""
    return value if _LABEL.fullmatch(value) and concealed(value) == value else "other"
