"""How pages are made of templates: plain HTML, one stylesheet, and no script but the one beside a password.

The one rule: templates lay out, the modules beside them word; everything that is filled in is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording import Explanation

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE: Final = Path(__file__).resolve().parent
STYLESHEET: Final = _HERE / "page.css"
ICON: Final = _HERE / "icon.svg"
STATIC: Final = "/static"
STYLESHEET_PATH: Final = f"{STATIC}/page.css"
ICON_PATH: Final = f"{STATIC}/icon.svg"
SCRIPT: Final = _HERE / "reveal.js"
SCRIPT_PATH: Final = f"{STATIC}/reveal.js"
"""Where they are served, and where every page says that they are."""

MARK: Final = "mark"
"""The landing form's hidden field."""


@cache
def _pages() -> Environment:
    """Made with the first page: a process that draws none does not load Jinja."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_WAYS: Final = (
    "again_url",
    "again",
    "ask_url",
    "ask_hint",
    "ask",
    "confirm_url",
    "confirm_hint",
    "confirm",
    "close",
)
_NO_WAY_ON: Final = dict.fromkeys(_WAYS, "")


@dataclass(frozen=True, slots=True)
class Team:
    """The Slack workspace that a page leads back to."""

    url: str
    name: str


SOME_TEAM: Final = Team("https://app.slack.com/client", "")
"""Slack in whatever workspace the reader used last: strangers are not told which one is served here."""


def render(lang: Language, template: str, title: str, **values: object) -> str:
    """The whole page."""
    return _pages().get_template(template).render(language=lang.code, title=title, **values)


def answer(
    lang: Language,
    words: Explanation,
    *,
    tone: str = "bad",
    reference: str = "",
    team: Team | None = None,
    **ways: str | int,
) -> str:
    """A page that says something and, with ``ways``, offers buttons: those of the template, empty by default.

    ``team`` offers the way back to Slack.
    """
    return render(
        lang,
        "answer.html",
        words.title,
        tone=tone,
        text=words.text,
        next_step=words.next_step,
        reference=reference,
        team_url=team.url if team else "",
        team=back_to(lang, team) if team else "",
        **{"reload_after": 0, **_NO_WAY_ON, **ways},
    )


def back_to(lang: Language, team: Team) -> str:
    """What the way back to Slack is called."""
    named = shown(team.name, 60)
    return lang.say("Open Slack ({workspace})", workspace=named) if named else lang.say("Open Slack")
