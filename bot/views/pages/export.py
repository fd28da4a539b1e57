"""The page that a history is downloaded from."""

from __future__ import annotations

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
    """Before the download: whose history it is. Opening it spends nothing; its one button does."""
    named = {"who": shown(landing.requester_name), "workspace": shown(landing.workspace_name)}
    return render(
        lang,
        "landing.html",
        lang.say("Download the history"),
        asked=lang.say(
            "{who} asked for the history of the inboxes of the Slack workspace {workspace}.", **named
        ),
        next_step=lang.say(
            "A CSV file with up to {lines} lines of the last 400 days, the latest first. It opens in any "
            "spreadsheet.",
            lines=f"{landing.lines:,}",
        ),
        asks=(),
        warning=lang.say("If you don't know this request, close this page: nothing happens."),
        hint="",
        action_url=action_url,
        mark_name=MARK,
        mark=mark,
        go=lang.say("Download"),
    )
