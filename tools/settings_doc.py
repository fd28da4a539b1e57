"""Prints ``docs/settings.md``: every setting, from the one place where they are defined."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.config import PREFIX, Settings

_HEADING: Final = """\
# Settings

From the environment, or from the file `.env` in the folder where the bot starts; the environment wins, and
an empty value counts as not given. What is wrong is named at the start, all of it at once.
`inboxkeeper settings` prints them as a file to be filled in (`.env.example` in a checkout).

Made from `bot/config.py` by `make docs`.

| setting | default | what it is |
|---|---|---|
"""


def document() -> str:
    return _HEADING + "".join(f"{row}\n" for row in _rows())


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        about = str(field.description).replace("|", "\\|")
        yield f"| `{PREFIX}{name.upper()}` | {_default(field)} | {about} |"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`http://localhost:PORT`"
    if field.is_required():
        return "**needed**"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == ():
        return ""
    plain = (
        f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else value
    )
    return f"`{plain}`"


def main() -> None:
    sys.stdout.write(document())


if __name__ == "__main__":
    main()
