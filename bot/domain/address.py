"""E-mail addresses: how they are read, when two of them are one, and where the mail of one goes.

The one rule: nothing folds one mailbox into another. Domains compare by the form that the DNS holds (IDNA
2008, mapped as UTS 46 says, non-transitional: ``straße.example`` is not ``strasse.example``); what stands
before the ``@`` compares by its letters, whatever their case. Only at Gmail's own domains do dots not count,
and its two names are one (https://support.google.com/mail/answer/7436150); a ``+tag`` is part of an address
everywhere.

Of where mail goes one bad answer alarms nobody. A change counts once it was seen twice, a day apart, with no
other answer in between; an answer that could not be had is none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import idna

from bot.domain.ids import ChannelId

_LONGEST_DOMAIN: Final = 253
_LONGEST_LABEL: Final = 63
_LONGEST_LOCAL: Final = 64
"""Octets (RFC 5321 4.5.3.1)."""
LONGEST: Final = 254
"""Octets of a whole address, as the DNS and UTF-8 write it (RFC 5321 4.5.3.1.3, without the brackets)."""
_PLAIN_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]+(?<!-)")
_ALL_DIGITS: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL: Final = re.compile(r"[^\s@<>\"(),:;\[\]\\|]+")

_GMAIL: Final = "gmail.com"
_GMAILS: Final = frozenset({_GMAIL, "googlemail.com"})
_DOTS_AS_GIVEN: Final = frozenset({"docomo.ne.jp", "ezweb.ne.jp"})
"""Carriers that have handed out addresses with dots where RFC 5321 has none."""

_JOINERS: Final = "\u200c\u200d"
"""Invisible, but part of a word in Persian, Hindi and others, and of a domain where IDNA 2008 allows them."""
_KEPT: Final = f"{_JOINERS}\n"
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What Unicode calls default ignorable and does not count among the format characters."""


class NotADomain(ValueError):
    """No name that the DNS could hold."""


def read_parts(text: str) -> tuple[str, str]:
    """What stands before and after the ``@`` of ``text``, which is one address and nothing else: in small
    letters, without invisible characters, the domain as it was typed (not as the DNS writes it).

    Raises ``ValueError`` for what no mail system takes, and for what only quotes or brackets make an address
    (``"a b"@…``, ``a@[192.0.2.1]``).
    """
    local, _, domain = unicodedata.normalize("NFKC", text).rpartition("@")
    local, domain = visible(local).lower(), shown_domain(domain)
    name = ascii_domain(domain)
    labels = name.split(".")
    if len(labels) < 2 or len(labels[-1]) < 2 or _ALL_DIGITS.fullmatch(labels[-1]):
        raise NotADomain(domain)
    octets = len(local.encode())  # a lone surrogate is a ValueError, too
    is_dotted = not local.startswith(".") and (
        name in _DOTS_AS_GIVEN or not (local.endswith(".") or ".." in local)
    )
    if not _LOCAL.fullmatch(local) or not is_dotted or has_control(local):
        raise ValueError("not the name of a mailbox")
    if octets > _LONGEST_LOCAL or octets + 1 + len(name) > LONGEST:
        raise ValueError("too long")
    return local, domain


@lru_cache(maxsize=4096)
def key_of(address: str) -> str:
    """What an address is compared and found by. Never raises: what is no address compares by its letters."""
    local, at, domain = unicodedata.normalize("NFKC", address).strip().rpartition("@")
    if not at:
        return visible(domain).lower()
    local, domain = visible(local).lower(), _comparable(domain)
    if domain in _GMAILS:
        name, plus, tag = local.partition("+")
        return f"{name.replace('.', '') or name}{plus}{tag}@{_GMAIL}"
    return f"{local}@{domain}"


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are the same mailbox by name."""
    return key_of(one) == key_of(other) != ""


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """A domain as it stands in the DNS: small letters, ASCII, without the root's dot.

    Raises ``NotADomain``. Single names pass: whether one will do is for the caller to say.
    """
    name = shown_domain(domain)
    if not name or len(name) > _LONGEST_DOMAIN:
        raise NotADomain(domain[:_LONGEST_DOMAIN])
    try:
        labels = [_ascii_label(label) for label in name.split(".")]
    except UnicodeError:
        raise NotADomain(domain) from None
    ascii_name = ".".join(labels)
    if len(ascii_name) > _LONGEST_DOMAIN:
        raise NotADomain(domain)
    return ascii_name


def domain_of(address: str) -> str:
    """The domain of an address as the DNS knows it; what the DNS cannot know stays as it is."""
    return _comparable(address.rpartition("@")[2])


def shown_domain(domain: str) -> str:
    """A domain as it was typed, but for case, width and what nobody sees."""
    text = unicodedata.normalize("NFKC", domain[: 4 * _LONGEST_DOMAIN]).strip()
    text = legible(text)
    try:
        text = idna.uts46_remap(text, std3_rules=False)
    except (UnicodeError, IndexError):
        text = text.lower()
    text = text.removesuffix(".")
    return ".".join(map(_without_stray_joiners, text.split(".")))


def visible(text: str) -> str:
    """Without the characters that nobody sees: copied from a web page, they make two addresses look alike."""
    return text if text.isascii() else "".join(sign for sign in text if not _is_invisible(sign))


def legible(text: str) -> str:
    """The same, but for the joiners, which some scripts need: for what is judged further."""
    if text.isascii():  # as most of what is typed; nothing of it counts as invisible
        return text
    return "".join(sign for sign in text if sign in _JOINERS or not _is_invisible(sign))


def plain_words(text: str) -> str:
    """What somebody wrote, without what no database takes and nobody sees. Joiners stay (emoji, Persian)."""
    kept = (sign for sign in text if sign in _KEPT or unicodedata.category(sign) not in {"Cf", "Cc", "Cs"})
    return "".join(kept).strip()


def has_control(text: str) -> bool:
    """Whether there is anything in it that is no character to read: control characters, NUL among them, and
    halves of pairs, which no database and no mail system takes."""
    return any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text)


def _is_invisible(sign: str) -> bool:
    return unicodedata.category(sign) == "Cf" or _INVISIBLE.match(sign) is not None


def _comparable(domain: str) -> str:
    try:
        return ascii_domain(domain)
    except NotADomain:
        return shown_domain(domain)


def _ascii_label(label: str) -> str:
    """Plain labels as they are: the DNS holds ``r3---sn``, which IDNA would not have registered."""
    if label.isascii() and not label.startswith("xn--"):
        if len(label) > _LONGEST_LABEL or not _PLAIN_LABEL.fullmatch(label):
            raise UnicodeError(label)
        return label
    return idna.alabel(label).decode("ascii")


def _without_stray_joiners(label: str) -> str:
    """Where no script needs them, joiners are as invisible as the rest."""
    bare = label.translate(dict.fromkeys(map(ord, _JOINERS)))
    if bare == label:
        return label
    try:
        idna.alabel(label)
    except UnicodeError:
        return bare
    return label


class Mentions:
    """Finds one address in text, however it is spelled there: in another case or width, with invisible
    characters in it, its domain in either alphabet, percent-encoded, at Gmail with other dots."""

    def __init__(self, address: str, *, instead: str) -> None:
        """``instead`` is what stands in its place in ``without``."""
        self._key = key_of(address)
        self._instead = instead
        local, _, domain = self._key.rpartition("@")
        names = {domain, _readable(domain)} if domain not in _GMAILS else _GMAILS
        gap = "[.．]?" if domain in _GMAILS else ""
        name = gap.join(map(_any_form, local)) if local else "(?!)"
        at = f"{_ANYTHING_INVISIBLE}{_AT}{_ANYTHING_INVISIBLE}"
        ending = "|".join("".join(map(_any_form, one)) for one in sorted(names))
        self._pattern = re.compile(f"{_NOT_BEFORE}{name}{at}(?:{ending}){_NOT_AFTER}", re.IGNORECASE)

    def are_in(self, value: object) -> bool:
        """Whether ``value`` (a text, or JSON as Python reads it) names the address."""
        if isinstance(value, str):
            if _is_one_address(value):
                return key_of(value) == self._key
            return self._pattern.search(value) is not None
        if isinstance(value, dict):
            return any(map(self.are_in, (*value, *value.values())))
        return isinstance(value, list) and any(map(self.are_in, value))

    def without(self, value: object) -> object:
        """The same without it."""
        if isinstance(value, str):
            if _is_one_address(value):
                return self._instead if key_of(value) == self._key else value
            return self._pattern.sub(self._instead, value)
        if isinstance(value, dict):
            return {self.without(name): self.without(one) for name, one in value.items()}
        return list(map(self.without, value)) if isinstance(value, list) else value


_AT: Final = r"(?:@|＠|﹫|%40)"
_ANYTHING_INVISIBLE: Final = "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]*"
_NOT_BEFORE: Final = r"(?<![a-z0-9])(?<![a-z0-9][.+'_-])"
"""The end of a longer name is somebody else's address."""
_NOT_AFTER: Final = r"(?![a-z0-9])(?-i:(?![-.．][a-z0-9]))"
"""So is a longer domain; the next sentence, begun without a blank, is not."""


def _any_form(sign: str) -> str:
    """A pattern for one character in every width, composed or not, with whatever is invisible after it."""
    forms = {sign, unicodedata.normalize("NFD", sign)}
    if "!" <= sign <= "~":
        forms.add(chr(ord(sign) + 0xFEE0))
    if sign == ".":
        forms |= {"。", "｡"}
    return f"(?:{'|'.join(map(re.escape, sorted(forms)))}){_ANYTHING_INVISIBLE}"


def _readable(domain: str) -> str:
    """A domain in its own alphabet."""
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain


def _is_one_address(text: str) -> bool:
    try:
        read_parts(text)
    except ValueError:
        return False
    return True


NOWHERE: Final = "nowhere"
"""The place of mail whose domain says that it takes none (RFC 7505)."""
DAILY: Final = timedelta(days=1)
_APART: Final = 5 / 6
"""Share of the time between two looks that two must lie apart to be two: one may have come late."""


@dataclass(frozen=True, slots=True)
class MailRouting:
    """What is known of one channel's mail."""

    channel_id: ChannelId
    place: str
    """The key of the provider that takes the mail (``imap`` for any other host, ``NOWHERE`` if the
    domain takes none), as two looks agreed; at first, as the first one said."""
    since: datetime
    """When that became known."""
    seen: str
    """What the last look said."""
    seen_at: datetime
    """When a look first said so."""
    left_at: datetime | None = None
    """When it became known that the mail had left the channel's provider; ``None`` while nothing has moved.
    Where the mail went elsewhere from the beginning, nothing has moved: whoever connected it knew."""

    @property
    def has_left(self) -> bool:
        return self.left_at is not None


def after_look(
    known: MailRouting | None,
    channel_id: ChannelId,
    *,
    home: str,
    seen: str | None,
    now: datetime,
    every: timedelta = DAILY,
) -> MailRouting | None:
    """What is known after one more look of those that are made ``every`` so often. ``home`` is the channel's
    provider, ``seen`` whose hosts take the mail; ``None`` if nobody could say."""
    if seen is None:
        return known
    if known is None:
        return MailRouting(channel_id, seen, now, seen, now)
    if seen != known.seen:
        known = replace(known, seen=seen, seen_at=now)
    if seen == known.place or now - known.seen_at < every * _APART:
        return known
    left_at = None if seen == home else known.left_at or now
    return replace(known, place=seen, since=now, left_at=left_at)


def settled(known: MailRouting) -> MailRouting:
    """The channel was switched on purpose: from now on wherever its mail goes is where it is expected."""
    return replace(known, left_at=None)
