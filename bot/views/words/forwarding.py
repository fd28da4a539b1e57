"""Messages that are ready to be forwarded to whoever can mend it: an organisation's admin at the provider.

The one rule: the reader of such a message has never heard of us; it says who we are, what happened and the
one thing to do, and holds nothing that is meant for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.cause import Cause
from bot.domain.feature import Feature
from bot.domain.picture import Registration
from bot.views.language import Language
from bot.views.text import shown
from bot.views.words.scopes import scope_lines


def approval_message(
    lang: Language,
    at: str,
    address: str,
    app: Registration,
    *,
    scopes: Iterable[str] = (),
    features: Sequence[Feature] = (),
) -> tuple[str, ...]:
    """Asks for the approval of our app, for itself and for those ``features``: lines of plain text, the link
    on a line of its own."""
    lines = [
        lang.say(
            "We use Inboxkeeper in Slack to notice at once when the mailbox {address} stops working. {house} "
            "wants an admin of our organisation to approve it first.",
            address=shown(address),
            house=at,
        ),
        *_asked(lang, scopes, features),
        lang.say("Please sign in here as an admin and accept:"),
        app.approval_url,
    ]
    return tuple(line for line in lines if line)


def _asked(lang: Language, scopes: Iterable[str], features: Sequence[Feature]) -> list[str]:
    """What is asked for; of what we don't ask for ourselves also why."""
    asked = scope_lines(lang, scopes, features)
    if not asked:
        return []
    named = lang.listed(what for what, _ in asked)
    if not features:
        return [lang.say("It asks for: {permissions}. It never reads mail.", permissions=named)]
    theirs = scope_lines(lang, (it for it in scopes if any(one.needs(it) for one in features)), features)
    return [
        lang.say("It asks for: {permissions}.", permissions=named),
        *(f"• {what} – {why}" for what, why in theirs),
    ]


def policy_message(lang: Language, at: str, address: str, app: Registration, code: str) -> tuple[str, ...]:
    """Asks to let our app through a policy."""
    lines = [
        lang.say(
            "We use Inboxkeeper in Slack to notice at once when the mailbox {address} stops working. A "
            "policy of our organisation at {house} no longer lets it in.",
            address=shown(address),
            house=at,
        ),
        _where(lang, at),
        lang.say("The app's client ID: {app}", app=app.app_id) if app.app_id else "",
        lang.say("What {house} said: {code}", house=at, code=shown(code, 60)) if code else "",
    ]
    return tuple(line for line in lines if line)


def tenant_message(lang: Language, at: str, tenant: str, since: str, app: Registration) -> tuple[str, ...]:
    """Asks about a refusal that meets all of an organisation's mailboxes."""
    lines = [
        lang.say(
            "Since {when} {house} refuses Inboxkeeper, which watches over our mailboxes in Slack, for the "
            "inboxes of {tenant}.",
            when=since,
            house=at,
            tenant=shown(tenant),
        ),
        _where(lang, at),
        lang.say("The app's client ID: {app}", app=app.app_id) if app.app_id else "",
    ]
    return tuple(line for line in lines if line)


def _where(lang: Language, at: str) -> str:
    """Where such a policy is set, as far as that is known."""
    if at == "Google":
        return lang.say(
            "Please check in the admin console, under Security › API controls › App access control, that the "
            "app is trusted."
        )
    if at == "Microsoft":
        return lang.say(
            "Please check in the Entra admin center, under Enterprise applications and Conditional Access, "
            "that the app is allowed for this account."
        )
    return lang.say("Please check whether the account may still be used by other programs.")


def admin_message(
    lang: Language, cause: Cause, at: str, *, address: str, app: Registration, code: str
) -> tuple[str, ...]:
    """The message that fits why the organisation's admin must act."""
    if cause is Cause.ADMIN_CONSENT and app.approval_url:
        return approval_message(lang, at, address, app)
    return policy_message(lang, at, address, app, code)
