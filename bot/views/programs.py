"""Which programs use a mailbox, as status and *why* show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.view_models import ProgramUse
from bot.views.blocks import Block, bold, inert, instant, section
from bot.views.i18n import Language

_LINES: Final = 6


def programs(lang: Language, uses: Sequence[ProgramUse]) -> list[Block]:
    """The latest first; nothing where no program has asked."""
    if not uses:
        return []
    lines = [_line(lang, one) for one in uses[:_LINES]]
    if (rest := len(uses) - _LINES) > 0:
        lines.append(lang.count("and {n} more", "and {n} more", rest))
    return [section("\n".join([bold(lang.say("Programs that use it")), *lines]))]


def _line(lang: Language, use: ProgramUse) -> str:
    said = {
        "program": inert(use.program, 60),
        "audience": use.audience.upper(),
        "when": instant(lang, use.last_at),
    }
    if use.was_given:
        return "• " + lang.say("{program} ({audience}): was given access, last {when}", **said)
    return "• " + lang.say("{program} ({audience}): was refused access, last {when}", **said)
