"""Logs and figures about the bot itself.

The one rule: whatever is written, by us or by a library, passes ``concealed`` last, so that no secret
and no short-lived capability of Slack's reaches a log, exception texts included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, NamedTuple, TextIO
from urllib.parse import quote_plus

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor, WrappedLogger

HIDDEN = "[hidden]"

LEAST_LEVELS = {
    # Their debug output holds bodies with tokens; slack_bolt also quotes requests it did not like.
    "slack_sdk": logging.INFO,
    "slack_bolt": logging.WARNING,
    "aiohttp.access": logging.WARNING,  # paths hold tickets
    "aiohttp.server": logging.CRITICAL + 1,  # quotes what strangers sent, with cookies and paths
    "msal": logging.WARNING,
    "google": logging.WARNING,
    "urllib3": logging.WARNING,
    "alembic.runtime.plugins": logging.WARNING,  # names each of its parts at the first start
    "sqlalchemy.engine": logging.WARNING,  # statements with their parameters
    "aiosqlite": logging.WARNING,
}

_NAMES = (
    "token|secret|secret_keys?|password|passwd|pwd|authorization|cookie|inboxkeeper_browser|trigger_id"
    "|response_url|verifier|ticket|assertion|api[_-]?key|passphrase|credentials?"
)
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})\Z")


class Rule(NamedTuple):
    """One way to tell a secret. What ``kept`` matched stays in the text, what ``hidden`` matched goes.

    The one rule: foreign text costs time in proportion to its length. Where a match begins is a fixed word
    or a bounded run, and an unbounded run either is the match or cannot hold another beginning.
    """

    hidden: str
    hardest: tuple[str, ...]
    """Pieces that, repeated, let it begin most often or run furthest in vain: a test times them."""
    kept: str = ""


_EQUALS = r"(?:=|%3[Dd])"
_RULES = (
    # --- what a secret looks like, wherever it stands
    # Slack: tokens, where an answer may be posted, what a request is signed with.
    Rule(r"(?:xoxe\.)?xox[a-z]-[A-Za-z0-9.-]+", ("xoxe.", "xoxb-", "xox")),
    Rule(r"xapp-[A-Za-z0-9-]+", ("xapp-", "xapp")),
    Rule(r"https?:(?:\\?/){2}hooks\.slack(?:-gov)?\.com[^\s\"'<>]*", ("https://hooks.slack", "https:\\/\\/")),
    Rule(
        r"https?:(?:\\?/){2}[^\s/\\\"'<>]{1,100}\\?/respond\\?/[^\s\"'<>]*",
        ("http://a", "http:", "http://a/respond"),
    ),
    Rule(r"v0=[0-9a-f]{64}", ("v0=", "v0=0")),
    # Google: access and refresh tokens, codes, client secrets.
    Rule(r"ya29\.[\w.-]+", ("ya29.", "ya29")),
    Rule(r"(?<![\w/:])1(?://|%2[Ff]%2[Ff])[\w-]+", ("1//", " 1//", "1%2F")),
    Rule(r"(?<![\w/:])4(?:/|%2[Ff])[\w-]{20,}", ("4/", " 4/a", "4%2F")),
    Rule(r"GOCSPX-[\w-]+", ("GOCSPX-", "GOCSPX")),
    # Microsoft: refresh tokens and codes of both kinds of account, opaque access tokens, client secrets.
    Rule(r"(?<![\w.])M\.[A-Z]\d{1,5}_[\w.!*$%~-]{8,}", ("M.C5_", " M.C525_a", "M.")),
    Rule(r"(?<![\w.])[01]\.A[\w-]{20,}(?:\.[\w-]*)*", ("0.A", " 1.Aa", "0.A.")),
    Rule(r"(?<!\w)Ew[A-Z][\w+/-]{40,}=*", ("EwB", " EwBa", "EwB=")),
    Rule(r"(?<![\w.~-])[\w.-]{3}\dQ~[\w.~-]{30,}", ("abc8Q~", " abc8Q~a", ".")),
    # Signed tokens and keys; what Fernet seals.
    Rule(r"eyJ[\w-]{10,}(?:\.[\w-]*)*", ("eyJ", "eyJ.", "eyJ!")),
    Rule(r"gAAAAA[\w-]{20,}=*", ("gAAAAA", "gAAAAA=", "gAAAAAa ")),
    Rule(
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\w\s+/=\\]*",
        ("-----BEGIN ", "-----BEGIN A PRIVATE KEY-", "-"),
    ),
    # Keys of programs (``bot.domain.api_key``).
    Rule(r"ik_[a-z0-9]{8}_[\w-]{16,}", ("ik_", "ik_abcdefgh", "ik_abcdefgh_", "ik_abcdefgh_a ")),
    # Signing secrets of webhooks (``bot.domain.webhook``).
    Rule(r"whsec_[\w+/-]{16,}=*", ("whsec_", "whsec_a", "whsec_=")),
    # 32 random bytes: our own tickets, links, browser marks and verifiers, and Fernet's keys.
    Rule(r"(?<![\w-])[\w-]{43}(?![\w-])=?", ("a", "-", "a ", "a" * 43, "a" * 42 + " ")),
    # --- where a secret stands, whatever it looks like
    Rule(r"[\w.~+/=-]{6,}", ("Bearer ", "Basic \t", "bearer"), kept=r"(?i)\b(?:Bearer|Basic)\s{1,20}"),
    Rule(r"[^/\s\"']{1,400}(?=@)", ("://", "://a:", ":a", "://a:@", "@"), kept=r"://[^/\s:@\"']{0,200}:"),
    Rule(
        r"(?(escaped)(?:(?!\\(?P=escaped)).)+|(?:\\.|(?!(?P=quote))[^\\\n])+)",
        (
            "token",
            "token='",
            "token=\\'",
            "secret: ",
            'token"',
            "a_",
            "token='\\",
            "token=\\'\\",
            "token', [",
        ),
        # As a pair, a list or bytes, too: ``{'token': ['…']}``, ``(b'Cookie', b'…')``.
        kept=rf"(?i)(?:{_NAMES})(?:\\?[\"']\s{{0,8}},|(?:\\?[\"'])?\s{{0,8}}[=:]>?)\s{{0,8}}[\[(]?\s{{0,8}}[bu]?"
        r"(?:\\(?P<escaped>[\"'])|(?P<quote>[\"']))",
    ),
    Rule(
        r"(?![\"'])[^\s&,;)\]}]+",
        ("token", "token=", "secret=,", "a_", "a-", "secret_key", "token%3D"),
        kept=rf"(?i)(?:{_NAMES}){_EQUALS}",
    ),
    Rule(
        r"[^\r\n\"']+",
        ("Signature:", "password: ", "secret", "a_token:\n"),
        kept=r"(?i)(?:authorization|signature|api-key|password|passwd|passphrase|secret|_token)"
        r"\s{0,8}:[ \t]{0,8}",
    ),
    # Cookies hold quotation marks themselves.
    Rule(r"[^\r\n]+", ("Cookie: ", "cookie", "Set-Cookie:\n"), kept=r"(?i)cookie\s{0,8}:[ \t]{0,8}"),
    # In a query or a form these are capabilities; elsewhere a state or an error code is news.
    Rule(r"[^\s\"'&]+", ("?code=", "&state=", "?handle", "?"), kept=r"[?&](?:code|state|handle)="),
    Rule(r"[^\s\"'&=]+=*(?=&)", ("code=", "code==", "state=a", "code"), kept=r"(?<![\w.])(?:code|state)="),
    Rule(r"[^\s\"'&]{32,}", ("code=", "state=a ", "code"), kept=rf"(?<![\w.])(?:code|state){_EQUALS}"),
    # Our own addresses that let somebody in.
    Rule(
        r"[\w%~-]{12,}",
        ("/go/", "/l/", "/go/a/", "%2Fgo%2F"),
        kept=r"(?:/|%2[Ff])(?:go|l|export|again|receives|ask|emailengine)(?:/|%2[Ff])",
    ),
    # What logs in at a mail host.
    Rule(r"[^\r\n]+", ("a1 LOGIN ", "LOGIN", "1 LOGIN\n"), kept=r"(?i)\b[a-z]{0,8}\d{1,8} LOGIN "),
    Rule(
        r"[^\r\n]+",
        ("LOGIN ", 'LOGIN "', "LOGIN a@", 'LOGIN "\\'),
        kept=r"(?i)\bLOGIN (?:\"(?:\\.|[^\"\\\r\n]){0,300}\"|[^\s@\"]{1,64}@[^\s\"]{1,255}) ",
    ),
    Rule(
        r"[A-Za-z0-9+/=]{12,}",
        ("AUTH ", "AUTHENTICATE a ", "AUTHENTICATE", "AUTH a "),
        kept=r"(?i)\bAUTH(?:ENTICATE)?\s{1,4}[\w-]{1,30}\s{1,4}",
    ),
)
"""Every way to tell a secret from news, in the order in which they are tried."""


def _compiled(rule: Rule) -> re.Pattern[str]:
    flags, kept = ("(?i)", rule.kept[4:]) if rule.kept.startswith("(?i)") else ("", rule.kept)
    return re.compile(f"{flags}(?P<kept>{kept})(?:{rule.hidden})")


_patterns = tuple(map(_compiled, _RULES))
_known: set[str] = set()

_LONGEST = 4_096
"""Characters of one text that are looked at and written."""
_HEAD, _TAIL = 1_024, 3_072
_BETWEEN_WORDS = re.compile(r"[\s\"',;&<>(){}\[\]]")
_MOST_ITEMS, _DEEPEST = 50, 6


def redact(*secrets: str) -> None:
    """Conceal these very strings from now on, however they are quoted in an address."""
    is_plain_word.cache_clear()
    for secret in secrets:
        if len(secret) >= 6:  # shorter ones would blot out ordinary words
            _known.update({secret, quote_plus(secret)})


def concealed(text: str) -> str:
    """The text without secrets, and within reason: see ``_shortened``."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _shortened(text)
    for pattern in _patterns:
        text = pattern.sub(_with_secret_hidden, text)
    return text


def _with_secret_hidden(found: re.Match[str]) -> str:
    return f"{found['kept']}{HIDDEN}"


def _shortened(text: str) -> str:
    """The beginning, and of many lines also the last ones: what a traceback says stands at its end.

    Whoever can make us log something decides how much it is, and every rule reads all of it. Never cut
    within a word: half a secret is not told by its shape.
    """
    if len(text) <= _LONGEST:
        return text
    whole_words = [found.end() for found in _BETWEEN_WORDS.finditer(text, 0, _HEAD)]
    head = text[: whole_words[-1]] if whole_words else ""
    tail = text[-_TAIL:].partition("\n")[2]
    return f"{head}[… {len(text) - len(head) - len(tail)} characters …]\n{tail}".rstrip("\n")


def conceal(logger: WrappedLogger, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The structlog processor that stands last before rendering, for our lines and everybody's."""
    return {key: _without_secrets(key, value) for key, value in event.items()}


def _without_secrets(key: object, value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(key, str) and _SECRET_NAME.search(key[-64:]):
        return HIDDEN
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth == _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        items = islice(value.items(), _MOST_ITEMS)
        return {concealed(str(name)): _without_secrets(name, inner, depth + 1) for name, inner in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(None, inner, depth + 1) for inner in islice(value, _MOST_ITEMS)]
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


@lru_cache(maxsize=1024)
def is_plain_word(value: str) -> bool:
    return concealed(value) == value
