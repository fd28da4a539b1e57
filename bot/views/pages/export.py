"""The page that a file is downloaded from: the history, or how well inboxes worked."""

from __future__ import annotations

from bot.domain.channel import HISTORY_LASTS
from bot.domain.view_models import ExportLanding
from bot.views.i18n import Language
from bot.views.pages.template import MARK, render
from bot.views.text import shown


def export_page(
    lang: Language,
    landing: ExportLanding,
    *,
    action_url: str,
    mark: str = "",
) -> str:
    """Before the download: what it is, and whose. Opening it spends nothing; its one button does."""
    title, asked, next_step = _words(lang, landing)
    return render(
        lang,
        "landing.html",
        title,
        asked=asked,
        next_step=next_step,
        asks=(),
        warning=lang.say("If you don't know this request, close this page: nothing happens."),
        hint="",
        action_url=action_url,
        mark_name=MARK,
        mark=mark,
        go=lang.say("Download"),
    )


def _words(lang: Language, landing: ExportLanding) -> tuple[str, str, str]:
    named = {"who": shown(landing.requester_name), "workspace": shown(landing.workspace_name)}
    lines = f"{landing.lines:,}"
    if landing.is_report:
        return (
            lang.say("Download the availability report"),
            lang.say(
                "{who} asked how well the inboxes of the Slack workspace {workspace} have worked.", **named
            ),
            lang.say(
                "A CSV file with up to {lines} inboxes and the last 30 days, the worst first. It opens in "
                "any spreadsheet.",
                lines=lines,
            ),
        )
    return (
        lang.say("Download the history"),
        lang.say("{who} asked for the history of the inboxes of the Slack workspace {workspace}.", **named),
        lang.say(
            "A CSV file with up to {lines} lines of the last {days} days, the latest first. It opens in any "
            "spreadsheet.",
            lines=lines,
            days=HISTORY_LASTS.days,
        ),
    )
