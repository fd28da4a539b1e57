"""What somebody wishes for, in a few words: one per deed. Where the request stands: one per state."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from bot.domain.access import Deed
from bot.domain.channel import Kind
from bot.domain.request import Awaits, Request, RequestState, Wish
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.names import house, provider_of


def wish_words(lang: Language, wish: Wish) -> str:
    """The wish as a heading: ``Disable support@example.com``."""
    address = shown(wish.address)
    match wish.deed:
        case Deed.CONNECT if wish.kind is Kind.TEAM:
            return lang.say("Connect {address} as a team address", address=address)
        case Deed.CONNECT:
            return lang.say("Connect {address} as a personal inbox", address=address)
        case Deed.DISABLE:
            return lang.say("Disable {address}", address=address)
        case Deed.ENABLE:
            return lang.say("Enable {address}", address=address)
        case Deed.REMOVE:
            return lang.say("Remove {address}", address=address)
        case Deed.RECONNECT:
            return lang.say("Reconnect {address}", address=address)
        case Deed.SWITCH:
            new = shown(provider_of(wish.provider), 40)
            return lang.say("Switch {address} to {provider}", address=address, provider=new)
        case Deed.TAKE_OVER:
            return lang.say("Make {address} a team address", address=address)
        case Deed.SEE:
            return lang.say("See {address}", address=address)


def consequence_words(lang: Language, wish: Wish, provider_label: str) -> str:
    """What saying yes to it does."""
    match wish.deed:
        case Deed.CONNECT:
            return lang.together(
                _sign_in(lang, wish, provider_label), lang.say("Nothing is connected before they have.")
            )
        case Deed.SWITCH:
            return lang.say(
                "Approve, and they can sign in at the new provider. Until they have, nothing changes."
            )
        case Deed.REMOVE:
            return lang.say("Approving removes it at once, for everybody who uses it.")
        case Deed.DISABLE:
            return lang.say("Approving disables it at once, for everybody who uses it.")
        case Deed.ENABLE:
            return lang.say("Approve, and it is enabled and checked at once.")
        case _:
            return lang.say("Approve, and it is done at once.")


def _sign_in(lang: Language, wish: Wish, provider_label: str) -> str:
    """An approval is for the mailbox, wherever it turns out to be (see ``Wish.is_covered_by``): where the
    sign-in leads is named, and that it may lead elsewhere is not kept from whoever approves."""
    at = shown(house(provider_label), 40)
    if wish.is_shared:
        return lang.say(
            "Approve, and they can open that shared mailbox with their own account at {house}, or sign in "
            "elsewhere if it is not there.",
            house=at,
        )
    if wish.provider == "imap":
        return lang.say(
            "Approve, and they can sign in to that mailbox at a mail server that they name, or elsewhere if "
            "it is not there."
        )
    if wish.provider:
        return lang.say(
            "Approve, and they can sign in to that mailbox at {house}, or elsewhere if it is not there.",
            house=at,
        )
    return lang.say(
        "Approve, and they can sign in to that mailbox, at the provider or mail server that they choose."
    )


def request_state_words(lang: Language, request: Request) -> str:
    """Where a request stands, in a word or two."""
    match request.state:
        case RequestState.WAITING if request.awaits is Awaits.TENANT:
            at = house(provider_of(request.wish.provider))
            return lang.say("Waiting for the organisation's {house} admin", house=at)
        case RequestState.WAITING:
            return lang.say("Waiting for an admin")
        case RequestState.APPROVED:
            return lang.say("Approved")
        case RequestState.DECLINED:
            return lang.say("Declined")
        case RequestState.EXPIRED:
            return lang.say("Expired")
        case RequestState.DONE:
            return lang.say("Approved and done")
        case RequestState.CANCELLED:
            return lang.say("Cancelled")
        case RequestState.REPLACED:
            return lang.say("Asked for anew")
