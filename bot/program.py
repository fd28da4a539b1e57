"""The program itself: its version, and what it is called where it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

VERSION: Final = "0.1.0"
"""As in pyproject.toml and in the newest release of CHANGELOG.md."""
_COMMAND: Final = "inboxkeeper"


def example_of_settings() -> str:
    """``.env.example``: inside the package where it was installed, beside it in a checkout."""
    bot = Path(__file__).resolve().parent
    file = next(path for path in (bot / "env.example", bot.parent / ".env.example") if path.exists())
    return file.read_text(encoding="utf-8")


def as_called(words: str) -> str:
    """``words`` with the commands in them as the reader must type them: the installed program's name in the
    place of ``python -m bot``, which needs the right Python."""
    is_installed = Path(sys.argv[0]).stem == _COMMAND
    return words.replace("python -m bot", _COMMAND) if is_installed else words
