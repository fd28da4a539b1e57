"""From an address to a consent page and back: the form, the permissions in plain words, the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from bot.domain.channel import Kind
from bot.domain.ticket import Ending, TicketOutcome
from bot.views.blocks import Block, View, actions, button, context, escape, inert, modal, plain, section
from bot.views.language import Language
from bot.views.modals.inputs import (
    KIND_BLOCK,
    address_input,
    conversation_input,
    name_input,
    use_input,
)
from bot.views.words import ending_words, house, scope_lines

CONNECT_FORM: Final = "connect.form"
CONNECT_KIND: Final = "connect.kind"
"""Choosing draws the form anew."""
CONSENT_OPEN: Final = "consent.open"
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def connect_modal(
    lang: Language,
    *,
    address: str = "",
    own_address: str = "",
    kind: Kind = Kind.PERSONAL,
    use: str = "",
    name: str = "",
    conversation_id: str = "",
) -> View:
    """The form. It starts with what was typed, else with the address Slack knows as this person's."""
    is_team = kind is Kind.TEAM
    return modal(
        lang.say("Connect an inbox"),
        [
            section(
                lang.say("Which inbox? In the next step you see what is asked for, before anything happens.")
            ),
            address_input(lang, address or ("" if is_team else own_address)),
            _kind_choice(lang, kind),
            *_hint(lang, own_address, is_team=is_team),
            *([name_input(lang, name)] if is_team else []),
            use_input(lang, use),
            *([conversation_input(lang, conversation_id)] if is_team else []),
        ],
        submit=lang.say("Next"),
        close=lang.say("Cancel"),
        callback=CONNECT_FORM,
    )


def _kind_choice(lang: Language, kind: Kind) -> Block:
    mine: Block = {"text": plain(lang.say("My inbox")), "value": Kind.PERSONAL.value}
    team: Block = {"text": plain(lang.say("Team address")), "value": Kind.TEAM.value}
    choice: Block = {
        "type": "radio_buttons",
        "action_id": CONNECT_KIND,
        "options": [mine, team],
        "initial_option": team if kind is Kind.TEAM else mine,
    }
    return {"type": "actions", "block_id": KIND_BLOCK, "elements": [choice]}


def _hint(lang: Language, own_address: str, *, is_team: bool) -> list[Block]:
    if is_team:
        return [context(lang.say("Everybody sees it. Admins and you are told when it stops working."))]
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
