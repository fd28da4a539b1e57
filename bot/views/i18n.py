"""The languages people read: which one, and the words in it.

The one rule: a message's key is its English sentence, so a sentence without a translation is still a
sentence. Catalogues are read from their ``.po`` source: there is nothing to compile and nothing to forget.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

_BOT: Final = Path(__file__).resolve().parents[1]
LOCALES: Final = next(path for path in (_BOT / "locales", _BOT.parent / "locales") if path.exists())
"""Inside the package where it was installed, beside it in a checkout."""
DOMAIN: Final = "inboxkeeper"
CODES: Final = ("en", "ja")
_AFTER_BRACKET: Final = re.compile("(?<=[）」]) (?=[ぁ-ヿ一-鿿])")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""Whatever the process's locale; and quick, since a long list has many dates."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. ``say`` and ``count`` are what extraction looks for."""

    code: str
    _messages: Mapping[str, tuple[str, ...]] = field(repr=False, hash=False, compare=False)

    def say(self, message: str, **values: object) -> str:
        """``message`` in this language, its ``{placeholders}`` filled."""
        return self._closed_up(self._messages.get(message, (message,))[0].format(**values))

    def count(self, one: str, many: str, n: int, **values: object) -> str:
        """``one`` or ``many``, whichever goes with ``n``, which fills ``{n}``: ``1,800``."""
        forms = self._messages.get(one, (one, many))
        return self._closed_up(forms[0 if n == 1 else -1].format(n=f"{n:,}", **values))

    def _closed_up(self, text: str) -> str:
        """Japanese puts no blank behind a full-width bracket, as a name may end that stands before one."""
        return _AFTER_BRACKET.sub("", text) if self.code == "ja" else text

    def listed(self, names: Iterable[str]) -> str:
        return ("、" if self.code == "ja" else ", ").join(names)

    def quoted(self, text: str) -> str:
        return f"「{text}」" if self.code == "ja" else f"“{text}”"

    def bracketed(self, text: str, remark: object) -> str:
        """``text`` with a remark behind it."""
        return f"{text}（{remark}）" if self.code == "ja" else f"{text} ({remark})"

    def together(self, *sentences: str) -> str:
        """Sentences one after the other; Japanese puts no blank between them."""
        return ("" if self.code == "ja" else " ").join(sentence for sentence in sentences if sentence)

    def day_time(self, instant: datetime, tz: tzinfo = UTC) -> str:
        """``instant`` in full, for where Slack's own dates are not at hand."""
        local = instant.astimezone(tz)
        clock = f"{local:%H:%M} {local.tzname()}"
        if self.code == "ja":
            return f"{local.year}年{local.month}月{local.day}日 {clock}"
        return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {clock}"

    def day(self, day: date) -> str:
        """A day of the last months, shortly."""
        return f"{day.month}月{day.day}日" if self.code == "ja" else f"{day.day} {_MONTHS[day.month - 1]}"

    def short_day(self, day: date) -> str:
        """The same where it stands below a bar."""
        return f"{day.month}/{day.day}" if self.code == "ja" else self.day(day)

    def month(self, day: date) -> str:
        """The month that ``day`` is in."""
        return (
            f"{day.year}年{day.month}月" if self.code == "ja" else f"{_LONG_MONTHS[day.month - 1]} {day.year}"
        )

    def lasting(self, span: timedelta) -> str:
        """A span as people say it, in its two largest units: ``2 h 14 min``."""
        minutes = int(span.total_seconds() // 60)
        if minutes < 1:
            return self.say("less than a minute")
        days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [
            self.count("{n} day", "{n} days", days) if days else "",
            self.say("{n} h", n=hours) if hours else "",
            self.say("{n} min", n=rest) if rest and not days else "",
        ]
        return " ".join(part for part in parts if part)


def language_for(locale: str | None) -> Language:
    """The language for a Slack or browser locale: Japanese for ``ja…``, English for everything else."""
    primary = (locale or "").strip().replace("_", "-").partition("-")[0].casefold()
    return _language(primary if primary in CODES else "en")


@cache
def _language(code: str) -> Language:
    with (LOCALES / code / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        catalogue = read_po(source, locale=code, domain=DOMAIN)
    forms = {_forms(message.id)[0]: _forms(message.string) for message in catalogue}
    return Language(code, {key: form for key, form in forms.items() if all(form)})


def _forms(string: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (string or "",) if isinstance(string, str | None) else tuple(string)
