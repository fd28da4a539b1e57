"""How pages are made of templates: everything that is filled in is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.views.i18n import Language

_pages: Final = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(lang: Language, template: str, title: str, **values: object) -> str:
    """The whole page."""
    return _pages.get_template(template).render(language=lang.code, title=title, **values)
