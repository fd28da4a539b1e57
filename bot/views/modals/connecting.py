"""From an address to a consent page and back: the form, the permissions in plain words, the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from bot.domain.ticket import Ending, TicketOutcome
from bot.views.blocks import Block, View, actions, button, context, escape, inert, modal, plain, section
from bot.views.language import Language
from bot.views.text import tidy
from bot.views.words import ending_words, house, scope_lines

CONNECT_FORM: Final = "connect.form"
CONSENT_OPEN: Final = "consent.open"
ADDRESS_BLOCK: Final = "address"
ADDRESS_ACTION: Final = "address"
_LONGEST_ADDRESS: Final = 254
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def connect_modal(lang: Language, *, address: str = "", own_address: str = "") -> View:
    """The form. It starts with what was typed, else with the address Slack knows as this person's."""
    return modal(
        lang.say("Connect an inbox"),
        [
            section(
                lang.say("Which inbox? In the next step you see what is asked for, before anything happens.")
            ),
            _address_input(lang, address or own_address),
            *_own_hint(lang, own_address),
        ],
        submit=lang.say("Next"),
        close=lang.say("Cancel"),
        callback=CONNECT_FORM,
    )


def _address_input(lang: Language, initial: str) -> Block:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": ADDRESS_ACTION,
        "placeholder": plain("name@example.com"),
        "max_length": _LONGEST_ADDRESS,
        "focus_on_load": True,
    }
    if typed := tidy(initial, _LONGEST_ADDRESS):
        element["initial_value"] = typed
    return {
        "type": "input",
        "block_id": ADDRESS_BLOCK,
        "label": plain(lang.say("E-mail address")),
        "element": element,
    }


def _own_hint(lang: Language, own_address: str) -> list[Block]:
    if not own_address:
        return []
    return [
        context(
            lang.say(
                "Slack knows {address} as yours: it needs nobody's approval.", address=inert(own_address)
            )
        )
    ]


def consent_modal(
    lang: Language, *, address: str, provider_label: str, scopes: Iterable[str], url: str, reconnect: bool
) -> View:
    """What will be asked for, then the one button that opens the browser. There is nothing to submit."""
    at = inert(house(provider_label), 40)
    intro = (
        lang.say(
            "Reconnect {address}: same inbox, new sign-in. {house} will ask for this:",
            address=inert(address),
            house=at,
        )
        if reconnect
        else lang.say("Connect {address}. {house} will ask for this:", address=inert(address), house=at)
    )
    go = button(lang.say("Open {house}", house=house(provider_label)), CONSENT_OPEN, url=url, style="primary")
    return modal(
        lang.say("Reconnect") if reconnect else lang.say("Connect an inbox"),
        [
            section(intro),
            section(permission_lines(scopes, lang)),
            section(
                lang.say(
                    "The button opens your browser. Sign in as {address} and leave every box ticked.",
                    address=inert(address),
                )
            ),
            *actions(go),
            context(waiting_text(lang)),
            *_loopback_hint(lang, url),
        ],
        close=lang.say("Close"),
    )


def _loopback_hint(lang: Language, url: str) -> list[Block]:
    """Said before the click: elsewhere the browser would only show that nobody answers."""
    if urlsplit(url).hostname not in _THIS_MACHINE:
        return []
    return [context(lang.say("It opens only on the machine that runs Inboxkeeper."))]


def permission_lines(scopes: Iterable[str], lang: Language) -> str:
    return "\n".join(f"• *{escape(what)}*\n      {escape(why)}" for what, why in scope_lines(lang, scopes))


def waiting_text(lang: Language) -> str:
    """What to expect while the browser has the floor."""
    return lang.say(
        "The link is yours alone and valid for 15 minutes. This window changes when you are done; if you "
        "close it, you get a message."
    )


def outcome_modal(lang: Language, outcome: TicketOutcome, *, provider_label: str) -> View:
    """What the waiting consent modal turns into."""
    words = ending_words(lang, outcome, provider_label)
    is_good = outcome.ending.is_good
    mark = "✅" if is_good else "⏳" if outcome.ending is Ending.PENDING else "⚠️"
    lines = [f"{mark} {escape(words.text)}", escape(words.next_step)]
    ways = [context(lang.say("Go on in your browser, or close this and start again."))]
    is_bad = not is_good and outcome.ending is not Ending.PENDING
    title = lang.say("Not connected") if is_bad else words.title
    said = section("\n".join(line for line in lines if line))
    return modal(title, [said, *(ways if outcome.ending.may_try_again else [])], close=lang.say("Close"))
