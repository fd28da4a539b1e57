"""What people type as an address, and what they may have meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bot.domain.address import domain_of, has_control, legible, read_parts, visible
from bot.domain.errors import DomainNotAllowed, NotAnAddress

_MOST_READ: Final = 4_000
"""Characters; an address has at most 254 octets."""
_MAILTO: Final = re.compile(r"^<mailto:([^|>]+)(?:\|[^>]*)?>$", re.IGNORECASE)
_SCHEME: Final = re.compile(r"^mailto:", re.IGNORECASE)
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("‘’‛´", "'"))
"""Around an address they are quotes; inside one they are an Irish name as editors type it."""
_BEFORE: Final = " \"'“”‘’„«「『<([,;:"
_AFTER: Final = " \"'“”‘’»」』>)],;:.!?。、…"
"""What stands around an address in a sentence. A dot before it does not: that would be another address."""
_SHOWN: Final = 60
_NAMED: Final = 3
_LOCALS_ALIKE: Final = 0.72
_DOMAINS_ALIKE: Final = 0.8


def read_address(typed: str) -> str:
    """The address in ``typed``: folded (full-width, quotes, ``<mailto:…|…>``), in small letters and without
    what nobody sees; its domain as it was typed, not as the DNS writes it.

    Raises ``NotAnAddress`` with a shortened copy of what was typed.
    """
    folded = legible(unicodedata.normalize("NFKC", typed[:_MOST_READ])).strip()
    linked = _MAILTO.match(folded)
    bare = _SCHEME.sub("", linked.group(1) if linked else folded.lstrip(_BEFORE), count=1)
    bare = bare.lstrip(_BEFORE).rstrip(_AFTER).translate(_APOSTROPHES)
    try:
        local, domain = read_parts(bare)
    except ValueError:
        raise NotAnAddress(_shortened(visible(folded))) from None
    return f"{local}@{domain}"


def check_domain(address: str, allowed: Iterable[str]) -> None:
    """Raises ``DomainNotAllowed`` when the operator allows only other domains."""
    domains = tuple(allowed)
    if domains and domain_of(address) not in {domain_of(f"@{domain}") for domain in domains}:
        raise DomainNotAllowed(address, domains)


def near_misses(address: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known addresses that look like ``address``, best first. What stands before the @ is
    compared: a long domain in common makes nobody alike. Costs some µs for each that is known."""
    scored = ((_likeness(address, one), one) for one in known)
    best = sorted(((score, one) for score, one in scored if score), key=lambda it: (-it[0], it[1]))
    return tuple(one for _, one in best[:_NAMED])


def _likeness(typed: str, known: str) -> float:
    """Between 0, not alike, and 1."""
    local, _, domain = typed.rpartition("@")
    its_local, _, its_domain = known.casefold().rpartition("@")
    alike = _ratio(local, its_local, least=_LOCALS_ALIKE)
    if not alike or domain == its_domain:
        return alike
    return alike * _ratio(domain, its_domain, least=_DOMAINS_ALIKE)


def _ratio(one: str, other: str, *, least: float) -> float:
    """How alike two texts are; 0 below ``least``, found out as cheaply as possible."""
    compared = difflib.SequenceMatcher(None, one, other)
    if min(compared.real_quick_ratio(), compared.quick_ratio()) < least:
        return 0.0
    ratio = compared.ratio()
    return ratio if ratio >= least else 0.0


def _shortened(text: str) -> str:
    text = "".join(sign for sign in text if not has_control(sign))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
