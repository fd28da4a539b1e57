"""The monthly message: how the team's addresses did, for admins who want it."""

from __future__ import annotations

from bot.domain.view_models import NoticeModel
from bot.views.availability import report_message
from bot.views.blocks import Message
from bot.views.i18n import Language


def report_notice(lang: Language, model: NoticeModel) -> Message:
    """The report of a month that is over, with the button that ends it."""
    assert model.report is not None
    return report_message(lang, model.report, now=model.now, command=model.command)
