"""The operator's features, read from a small TOML file.

The one rule: everything wrong in it is named at once and by its place, and no value is repeated: what was
pasted into the wrong line may be a secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.domain.features import Feature, Features, Wording

EXAMPLE: Final = "docs/features.example.toml"

_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_WORD: Final = re.compile(r"[a-z_]{1,20}")
"""What may be repeated of an unknown name: no secret looks like that."""
_MICROSOFT: Final = (
    re.compile(
        r"(?:https://graph\.microsoft\.com/)?[A-Z][A-Za-z-]{0,40}(?:\.[A-Z][A-Za-z]{0,40}){1,4}"
        r"|https://outlook\.office\.com/(?:IMAP\.AccessAsUser\.All|SMTP\.Send)"
    ),
    "a permission of Microsoft Graph, like Mail.Send, nor https://outlook.office.com/IMAP.AccessAsUser.All "
    "or …/SMTP.Send",
)
_SHAPES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "google": (
        re.compile(r"https://www\.googleapis\.com/auth/[a-z][a-z0-9_.-]{0,80}|https://mail\.google\.com/"),
        "a full address, like https://www.googleapis.com/auth/gmail.send",
    ),
    "microsoft": _MICROSOFT,
    "microsoft_shared": _MICROSOFT,
}
"""What scopes look like, by where they are asked for, and how to say that."""
_GRAPH: Final = "https://graph.microsoft.com/"
_MOST_BYTES: Final = 64 * 1024
_MOST_FEATURES: Final = 10
_MOST_SCOPES: Final = 10
_LONGEST_NAME: Final = 40
_LONGEST_REASON: Final = 150
"""Long enough for a sentence, and short enough for ten of them to fit into a dialog of Slack's."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where: ``crm.name.en``. ``place`` is empty for the file as a whole."""

    place: str
    wrong: str


class FeatureFaults(ValueError):
    """The file cannot be used."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(f"{len(faults)} faults")


def read(path: object) -> Features:
    """The features in the file at ``path``. Raises ``FeatureFaults``."""
    tables = _parsed(str(path))
    reading = _Reading()
    features = tuple(reading.feature(number, *item) for number, item in enumerate(tables.items(), start=1))
    if len(features) > _MOST_FEATURES:
        reading.complain("", f"defines {len(features)} features; {_MOST_FEATURES} is the most")
    if reading.faults:
        raise FeatureFaults(tuple(reading.faults))
    return Features(features)


def _parsed(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError:
        raise _unusable("names a file that cannot be read") from None
    except UnicodeDecodeError:
        raise _unusable("names a file that is not UTF-8 text") from None
    if len(raw) > _MOST_BYTES:
        raise _unusable("names a file that is too large to be one of features")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unusable(f"names a file that is not TOML{_where(error)}") from None


def _where(error: tomllib.TOMLDecodeError) -> str:
    """Only the place: the rest of the message may quote what stands there."""
    found = re.search(r"at line (\d+), column (\d+)", str(error))
    return f": line {found[1]}, column {found[2]}" if found else ""


def _unusable(wrong: str) -> FeatureFaults:
    return FeatureFaults((Fault("", wrong),))


@dataclass
class _Reading:
    """Reads on after a fault: what is returned then is a stand-in that nobody sees."""

    faults: list[Fault] = field(default_factory=list)

    def complain(self, place: str, wrong: str) -> None:
        self.faults.append(Fault(place, wrong))

    def feature(self, number: int, key: str, given: object) -> Feature:
        place = key if _KEY.fullmatch(key) else f"feature {number}"
        if place != key:
            self.complain(place, "has a key that is not made of a-z, 0-9, - and _, at most 31 of them")
        table = self._table(place, given, known=("on", "name", "reason", "scopes"))
        return Feature(
            key=key,
            name=self._wording(f"{place}.name", table.get("name"), longest=_LONGEST_NAME),
            reason=self._wording(f"{place}.reason", table.get("reason"), longest=_LONGEST_REASON),
            scopes=self._scopes(f"{place}.scopes", table.get("scopes")),
            is_on=self._flag(f"{place}.on", table.get("on")),
        )

    def _table(self, place: str, given: object, *, known: tuple[str, ...]) -> Mapping[str, object]:
        if not isinstance(given, dict):
            wrong = "is missing" if given is None else "is not a table"
            self.complain(place, f"{wrong}: it holds {' and '.join(known)}")
            return dict.fromkeys(known, _ANYTHING)
        for at, name in enumerate(given, start=1):
            if name not in known:
                called = name if _WORD.fullmatch(name) else f"entry {at}"
                self.complain(f"{place}.{called}", f"is unknown here; known are {', '.join(known)}")
        return given

    def _flag(self, place: str, given: object) -> bool:
        if given is not _ANYTHING and not isinstance(given, bool):
            self.complain(place, "is missing" if given is None else "must be true or false")
        return given is True

    def _wording(self, place: str, given: object, *, longest: int) -> Wording:
        if given is _ANYTHING:
            return Wording("")
        table = self._table(place, given, known=("en", "ja"))
        if "en" not in table:
            self.complain(f"{place}.en", "is missing: English is what everybody else reads")
        said = {
            code: self._text(f"{place}.{code}", table[code], longest)
            for code in ("en", "ja")
            if code in table
        }
        return Wording(said.get("en", ""), said.get("ja", ""))

    def _text(self, place: str, given: object, longest: int) -> str:
        if given is _ANYTHING:
            return ""
        text = given.strip() if isinstance(given, str) else ""
        if not text or not text.isprintable() or len(text) > longest:
            self.complain(place, f"must be one line of 1 to {longest} characters in quotes")
        return text

    def _scopes(self, place: str, given: object) -> Mapping[str, frozenset[str]]:
        if given is _ANYTHING:
            return {}
        table = self._table(place, given, known=tuple(_SHAPES))
        if not table:
            self.complain(place, f"is empty: without a permission of {' or '.join(_SHAPES)} it is no feature")
        return {
            provider: self._scopes_at(f"{place}.{provider}", table[provider], *_SHAPES[provider])
            for provider in _SHAPES
            if provider in table
        }

    def _scopes_at(self, place: str, given: object, shape: re.Pattern[str], looks: str) -> frozenset[str]:
        if given is _ANYTHING:
            return frozenset()
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_SCOPES:
            self.complain(place, f"must be a list of 1 to {_MOST_SCOPES} permissions in quotes")
            return frozenset()
        wrong = [
            str(at)
            for at, scope in enumerate(given, start=1)
            if not (isinstance(scope, str) and shape.fullmatch(scope))
        ]
        if wrong:
            self.complain(place, f"holds what is not {looks}: entry {' and '.join(wrong)}")
        return frozenset(str(scope).removeprefix(_GRAPH) for scope in given)


_ANYTHING: Final = object()
"""Stands where something larger was wrong already: complained about once is enough."""
