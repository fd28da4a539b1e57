"""What people type as an address, and what they may have meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bot.domain.errors import DomainNotAllowed, NotAnAddress

_ADDRESS: Final = re.compile(r"[^\s@<>\"(),:;\[\]\\|]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}")
_LONGEST: Final = 254
_MAILTO: Final = re.compile(r"^<mailto:([^|>]+)(?:\|[^>]*)?>$")
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("‘’‛´", "'"))
"""Around an address they are quotes; inside one they are an Irish name as editors type it."""
_SHOWN: Final = 60


def read_address(typed: str) -> str:
    """The address in ``typed``: folded (full-width, quotes, ``<mailto:…|…>``) and lower case.

    Raises ``NotAnAddress`` with a shortened copy of what was typed.
    """
    folded = unicodedata.normalize("NFKC", typed).strip()
    linked = _MAILTO.match(folded)
    bare = (linked.group(1) if linked else folded).strip(" \"'“”‘’<>,;.").translate(_APOSTROPHES).casefold()
    if len(bare) > _LONGEST or not _ADDRESS.fullmatch(bare):
        raise NotAnAddress(_shortened(folded))
    return bare


def check_domain(address: str, allowed: Iterable[str]) -> None:
    """Raises ``DomainNotAllowed`` when the operator allows only other domains."""
    domains = tuple(allowed)
    if domains and address.rpartition("@")[2] not in {domain.casefold() for domain in domains}:
        raise DomainNotAllowed(address, domains)


def near_misses(address: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known addresses that look like ``address``, best first."""
    return tuple(difflib.get_close_matches(address, list(known), n=3, cutoff=0.72))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
