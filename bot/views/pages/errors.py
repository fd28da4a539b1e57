"""Where something does not go on: a refusal, a fault of ours, a request that makes no sense."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.domain.errors import (
    ConsentDeclined,
    InboxkeeperError,
    LinkClosed,
    ProviderMisconfigured,
    RequestClosed,
    SignInClosed,
    SignInElsewhere,
)
from bot.domain.request import RequestState
from bot.views.i18n import Language
from bot.views.pages.template import SOME_TEAM, Team, answer
from bot.views.wording import Explanation, refusal_words, spelled_out

_NO_FAILURE: Final = (ConsentDeclined, LinkClosed, SignInElsewhere)
"""What people wished for, what has solved itself, or what is easier than they thought."""
_CALM_REQUESTS: Final = frozenset(RequestState) - {RequestState.DECLINED, RequestState.EXPIRED}


def refusal_page(
    lang: Language, refusal: InboxkeeperError, *, team: Team = SOME_TEAM, renew_url: str = ""
) -> str:
    """``renew_url`` takes the place of a link that has expired."""
    words = spelled_out(lang, refusal_words(lang, refusal))
    if renew_url:
        words = replace(words, next_step=lang.say("Get a new one here; it takes you to the same place."))
    return answer(
        lang,
        words,
        tone="calm" if renew_url or _is_calm(refusal) else "bad",
        team=team,
        again_url=renew_url,
        again=lang.say("Get a new link") if renew_url else "",
    )


def _is_calm(refusal: InboxkeeperError) -> bool:
    match refusal:
        case RequestClosed(request):
            return request.state in _CALM_REQUESTS
        case SignInClosed(_, error):
            return isinstance(error, ProviderMisconfigured)
        case _:
            return isinstance(refusal, _NO_FAILURE)


def problem_page(lang: Language, reference: str, *, team: Team = SOME_TEAM) -> str:
    """A bug: what to do, and the reference that leads to the log."""
    words = Explanation(
        lang.say("Something broke on our side"),
        lang.say("It has been logged. Nothing you did is lost."),
        lang.say(
            "Go back to Slack and try again. If it happens again, give whoever runs Inboxkeeper this "
            "reference:"
        ),
    )
    return answer(lang, words, reference=reference, team=team)


def not_found_page(lang: Language) -> str:
    words = Explanation(
        lang.say("No such page"),
        lang.say("There is nothing at this address."),
        lang.say("Go back to Slack and open the link from there."),
    )
    return answer(lang, words, team=SOME_TEAM)


def busy_page(lang: Language) -> str:
    words = Explanation(
        lang.say("One moment…"),
        lang.say(
            "Inboxkeeper cannot reach its database at the moment. Nothing was changed and nothing is lost."
        ),
        lang.say("Please try again in a minute."),
    )
    return answer(lang, words, tone="calm", team=SOME_TEAM)


def too_large_page(lang: Language) -> str:
    words = Explanation(
        lang.say("That was too much at once"),
        lang.say("What your browser sent was too large."),
        lang.say("Go back to Slack and start again."),
    )
    return answer(lang, words, team=SOME_TEAM)


def too_slow_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Too slow"),
        lang.say("What your browser sent did not arrive in time."),
        lang.say("Go back to Slack and start again."),
    )
    return answer(lang, words, team=SOME_TEAM)


def unreadable_page(lang: Language) -> str:
    words = Explanation(
        lang.say("Not readable"),
        lang.say("What your browser sent could not be read."),
        lang.say("Go back to Slack and start again."),
    )
    return answer(lang, words, team=SOME_TEAM)


def wrong_method_page(lang: Language) -> str:
    words = Explanation(
        lang.say("This page cannot be opened that way"),
        lang.say("This page opens only from its own link or button."),
        lang.say("Go back to Slack and open the link from there."),
    )
    return answer(lang, words, team=SOME_TEAM)
