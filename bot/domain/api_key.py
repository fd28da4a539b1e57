"""Keys of programs: what they look like, and what one may be used for.

``ik_`` + eight characters that name it + ``_`` + 32 random bytes + a checksum: scanners find it by its
beginning, a double click selects all of it, and what was mistyped is told from what is unknown without a
look-up. It holds only letters, digits, ``-`` and ``_``: some programs post it without encoding it.
"""

from __future__ import annotations

import re
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from bot.domain.errors import Refusal
from bot.domain.grant import Secret
from bot.domain.ids import ApiKeyId, ChannelId, UserId, WorkspaceId

LASTS: Final = timedelta(days=365)
"""How long a key works unless somebody says otherwise."""
LONGEST_LIFE: Final = timedelta(days=3 * 366)
LONGEST_NAME: Final = 60
OPERATOR: Final = "operator"
"""Who made a key on the command line, unless it was said."""
ID_LENGTH: Final = 8
_ID: Final = string.ascii_lowercase + string.digits
_BASE62: Final = string.digits + string.ascii_letters
_FORM: Final = re.compile(rf"(ik_([a-z0-9]{{{ID_LENGTH}}})_[A-Za-z0-9_-]{{43}})([0-9A-Za-z]{{6}})")

Network = IPv4Network | IPv6Network


def mint() -> tuple[ApiKeyId, Secret]:
    """A new key, and the part of it that may be shown."""
    key_id = "".join(secrets.choice(_ID) for _ in range(ID_LENGTH))
    body = f"ik_{key_id}_{secrets.token_urlsafe(32)}"
    return ApiKeyId(key_id), Secret(body + _checksum(body))


def id_in(key: str) -> ApiKeyId | None:
    """Which key it claims to be; ``None`` if it was mistyped or is none."""
    found = _FORM.fullmatch(key)
    if found is None or _checksum(found[1]) != found[3]:
        return None
    return ApiKeyId(found[2])


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits


class OwnerAnswer(StrEnum):
    """What the owner of a personal inbox has said of a key that names it."""

    WAITS = "waits"
    ALLOWED = "allowed"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class OwnerAsked:
    """That an owner was asked, and what they answered last."""

    owner_id: UserId
    answer: OwnerAnswer = OwnerAnswer.WAITS
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without the secret."""

    id: ApiKeyId
    workspace_id: WorkspaceId
    name: str
    digest: str
    """SHA-256 of the whole key. It is random and long: nobody finds it by its hash."""
    is_for_team: bool
    """For every team address, those connected later among them; else for ``channels``."""
    channels: frozenset[ChannelId]
    features: frozenset[str]
    """Keys of the operator's features that it may be used for."""
    networks: tuple[Network, ...]
    """Where it may come from; anywhere if empty."""
    created_by: str
    """Who looks after it: whoever made it, until it is assigned to somebody else."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    last_used_from: str = ""
    revoked_at: datetime | None = None
    has_door: bool = False
    """Whether it has an address of its own, for EmailEngine."""
    asked: Mapping[ChannelId, OwnerAsked] = field(default_factory=dict, hash=False)
    """For each personal inbox among ``channels``, what became of asking its owner."""

    def works(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def may_come_from(self, address: str) -> bool:
        if not self.networks:
            return True
        try:
            at = ip_address(address)
        except ValueError:
            return False
        at = getattr(at, "ipv4_mapped", None) or at
        return any(at.version == network.version and at in network for network in self.networks)

    def names(self, channel_id: ChannelId, *, is_team: bool) -> bool:
        """Whether it is for that inbox, whatever its owner says."""
        return channel_id in self.channels or (is_team and self.is_for_team)

    def may_see(self, channel_id: ChannelId, *, owner_id: UserId | None) -> bool:
        """``owner_id``: whose personal inbox it is; nobody's is the team's. A personal one takes the word of
        whoever owns it now."""
        if owner_id is None:
            return self.names(channel_id, is_team=True)
        asked = self.asked.get(channel_id)
        return asked is not None and asked.owner_id == owner_id and asked.answer is OwnerAnswer.ALLOWED


class KeyFault(StrEnum):
    """What is wrong with a key that somebody wants to make."""

    NAME = "name"
    NOTHING_NAMED = "nothing_named"
    UNKNOWN_ADDRESS = "unknown_address"
    NO_FEATURE = "no_feature"
    UNKNOWN_FEATURE = "unknown_feature"
    NETWORK = "network"
    LIFE = "life"
    MADE = "made"
    """The same form has made one already."""


@dataclass(eq=False)
class KeyRefused(Refusal):
    """A key cannot be made like this. ``what`` is what was written."""

    fault: KeyFault
    what: str = ""


def network_of(text: str) -> Network:
    """``10.0.0.0/8``, or one address. Raises ``ValueError``."""
    return ip_network(text.strip())
