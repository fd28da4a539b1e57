"""What a setting's value must look like. Every rule returns the value or says what is wrong with it.

The one rule: a complaint never repeats the value, for it may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator, SecretStr

from providers.microsoft.certificate import ClientCertificate

KINDS = {
    "xoxb-": "a bot token",
    "xoxp-": "a user token",
    "xoxe": "a rotating token",
    "xapp-": "an app-level token",
    "GOCSPX-": "a Google client secret",
}
"""What a secret that was pasted into the wrong place most likely is."""


def split(value: object) -> object:
    """A comma-separated list as people write it: blanks around the commas and empty parts don't count."""
    if not isinstance(value, str):
        return value
    return tuple(part for part in (part.strip() for part in value.split(",")) if part)


def kind_of(secret: str) -> str | None:
    return next((kind for start, kind in KINDS.items() if secret.startswith(start)), None)


def slack_token(start: str) -> Callable[[SecretStr], SecretStr]:
    """A Slack token of one kind, told by how it begins."""
    wanted = KINDS[start]

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if re.fullmatch(re.escape(start) + r"[A-Za-z0-9._-]+", text):
            return value
        kind = kind_of(text)
        if kind is None or kind == wanted:
            raise ValueError(f"does not look like {wanted}: one begins with {start} and has no blanks")
        raise ValueError(f"is {kind}, not {wanted} ({start}…)")

    return check


def signing_secrets(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(value) > 2:
        raise ValueError(f"holds {len(value)} secrets; a rotation needs two: the new one and the old one")
    for secret in value:
        text = secret.get_secret_value()
        if kind := kind_of(text):
            raise ValueError(f"is {kind}, not a signing secret")
        if not re.fullmatch(r"[\x21-\x7e]{8,}", text):
            raise ValueError("is too short or contains blanks")
    return value


def hubspot_tokens(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(value) > 2:
        raise ValueError(f"holds {len(value)} tokens; a rotation needs two: the new one and the old one")
    for secret in value:
        text = secret.get_secret_value()
        if kind := kind_of(text):
            raise ValueError(f"is {kind}, not a HubSpot service key")
        if not re.fullmatch(r"[\x21-\x7e]{8,}", text):
            raise ValueError("is too short or contains blanks")
    return value


def fernet_keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not value:
        raise ValueError("is empty")
    for place, key in enumerate(value, start=1):
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            which = "the key" if len(value) == 1 else f"key {place} of {len(value)}"
            raise ValueError(f"{which} is not one that `python -m bot keygen` prints") from None
    return value


def client_id(value: str) -> str:
    if kind := kind_of(value):
        raise ValueError(f"is {kind}, not a client id")
    return value


def client_secret(value: SecretStr) -> SecretStr:
    if value.get_secret_value().endswith(".apps.googleusercontent.com"):
        raise ValueError("is a client id, not a client secret")
    return value


_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def microsoft_client_id(value: str) -> str:
    if not _GUID.fullmatch(client_id(value)):
        raise ValueError("is not an application (client) id: that is 32 hexadecimal digits in five groups")
    return value.lower()


def microsoft_client_secret(value: SecretStr) -> SecretStr:
    """The page that shows a new secret shows two things, and the wrong one comes first."""
    if _GUID.fullmatch(value.get_secret_value()):
        raise ValueError("is the secret's id, not its value")
    return value


def microsoft_certificate(value: str) -> str:
    try:
        ClientCertificate.of(Path(value).read_bytes())
    except OSError:
        raise ValueError("names a file that cannot be read") from None
    return value


def microsoft_tenant(value: str) -> str:
    folded = value.lower()
    is_named = folded in {"common", "organizations", "consumers"} or _GUID.fullmatch(folded)
    return folded if is_named else domains((folded,))[0]


def slack_ids(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [one for one in value if not re.fullmatch(r"[UW][A-Z0-9]{2,}", one)]:
        raise ValueError(f"holds what is not a Slack member id (U…): entry {_places(value, wrong)}")
    return value


def domains(value: tuple[str, ...]) -> tuple[str, ...]:
    folded = tuple(one.lower().lstrip("@").rstrip(".") for one in value)
    label = r"[^\W_]([\w-]*[^\W_])?"
    if wrong := [one for one in folded if not re.fullmatch(rf"{label}(\.{label})+", one)]:
        raise ValueError(f"holds what is not a domain name: entry {_places(folded, wrong)}")
    return folded


def networks(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [one for one in value if _network(one) is None]:
        raise ValueError(f"holds what is not a network: entry {_places(value, wrong)}")
    if whole := [one for one in value if _network(one) == 0]:
        raise ValueError(f"holds the whole internet: entry {_places(value, whole)}")
    return value


def _network(value: str) -> int | None:
    """The length of a network's prefix; ``None`` if it is none."""
    try:
        return ipaddress.ip_network(value).prefixlen
    except ValueError:
        return None


def ports(value: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [one for one in value if not (one.isdecimal() and 1 <= int(one) <= 65_535)]:
        raise ValueError(f"holds what is not a port: entry {_places(value, wrong)}")
    return value


def ca_file(value: str) -> str:
    try:
        ssl.create_default_context(cafile=value)
    except (OSError, ssl.SSLError):
        raise ValueError("names a file that cannot be read as certificates") from None
    return value


def _places(given: tuple[str, ...], wrong: list[str]) -> str:
    return " and ".join(str(given.index(one) + 1) for one in wrong)


def command(value: str) -> str:
    if not re.fullmatch(r"/[^\s/A-Z]{1,31}", value):
        raise ValueError("must be a slash and up to 31 lower-case characters without blanks")
    return value


def url(value: str) -> str:
    """An absolute http(s) address, without the trailing slash."""
    parts = _parts(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a full address that begins with https:// (or http://)")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must not contain a user name, a password, ? or #")
    return value.rstrip("/")


def base_url(value: str) -> str:
    """Sign-ins pass through here: plain http would show their secrets to the network."""
    parts = _parts(url(value))
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https:// unless it is this very machine (localhost)")
    return url(value)


def heartbeat_url(value: SecretStr) -> SecretStr:
    """Whoever knows it can keep the alarm quiet: it is a secret, and plain http would show it."""
    text = value.get_secret_value()
    parts = _parts(text)
    is_here = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or is_here):
        raise ValueError("must be a full address that begins with https://")
    return value


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def database_url(value: SecretStr) -> SecretStr:
    """``sqlite:///file`` or ``postgresql://…``; which driver speaks to it is not the operator's worry."""
    text = value.get_secret_value()
    dialect, mark, rest = text.partition("://")
    if not mark:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    name = {"postgres": "postgresql"}.get(dialect.partition("+")[0], dialect.partition("+")[0])
    if name == "sqlite":
        if not rest.startswith("/") or rest == "/" or ":memory:" in rest:
            raise ValueError("names no file: everything would be lost when the bot stops")
    elif name == "postgresql":
        _parts(f"postgresql://{rest}")
    else:
        raise ValueError("is neither SQLite nor PostgreSQL, the two databases that are supported")
    return SecretStr(f"{name}://{rest}")


def password_of(database: str) -> tuple[str, ...]:
    """The database's password as it stands in its address and as it is, if there is one."""
    password = urlsplit(database).password
    return (password, unquote(password)) if password else ()


def _parts(value: str) -> SplitResult:
    """``urlsplit`` quotes what it cannot read; that may be a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("cannot be read as an address (check the host and the port)") from None
    return parts


Listed = BeforeValidator(split)
Url = Annotated[str, AfterValidator(url)]
