"""What whoever asks for an organisation's approval reads, and what that organisation's admin reads."""

from __future__ import annotations

from bot.views.i18n import Language
from bot.views.pages.template import Team, answer
from bot.views.text import shown
from bot.views.wording import Explanation, company


def asked_page(lang: Language, *, provider_label: str, team: Team) -> str:
    """The message for the organisation's admin is in Slack."""
    words = Explanation(
        lang.say("Check Slack"),
        lang.say(
            "You got a message there that you can send to your {company} admin.",
            company=company(provider_label),
        ),
        lang.say("Once they have approved, continue from that message."),
    )
    return answer(lang, words, tone="calm", team=team)


def approved_page(lang: Language, *, address: str, provider_label: str, is_over: bool = False) -> str:
    """To an organisation's admin, who most likely has never heard of us. ``address`` is empty where what
    waited for them goes on by itself; ``is_over``: nobody waits for this any more."""
    text = _approved(lang, address, company(provider_label), is_over=is_over)
    words = Explanation(lang.say("Thank you"), text, lang.say("You can close this page."))
    return answer(lang, words, tone="good")


def _approved(lang: Language, address: str, at: str, *, is_over: bool) -> str:
    if is_over:
        return lang.say(
            "{company} reports that Inboxkeeper is approved. What this link was sent for is over; "
            "if you got a "
            "newer link, please open that one, too.",
            company=at,
        )
    if not address:
        return lang.say(
            "{company} reports that Inboxkeeper is approved. Whatever was waiting for it "
            "continues on its own.",
            company=at,
        )
    return lang.say(
        "{company} reports that Inboxkeeper is approved. Whoever asked for {address} has been told in "
        "Slack and can go on.",
        company=at,
        address=shown(address),
    )


def not_approved_page(lang: Language, *, provider_label: str) -> str:
    """The same admin has not approved."""
    words = Explanation(
        lang.say("Not approved"),
        lang.say(
            "Inboxkeeper was not approved at {company}. Nothing has changed.", company=company(provider_label)
        ),
        lang.say("The link that you were sent works again whenever you like."),
    )
    return answer(lang, words, tone="calm")
