"""Why a person could not be written to in Slack, in words instead of its codes."""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

from bot.views.language import Language
from bot.views.text import shown


def unreachable_words(lang: Language, error: str) -> str:
    """``error`` is Slack's own; one that is not known is named."""
    match error:
        case "user_disabled":
            return lang.say("could not be reached: their Slack account is deactivated")
        case "user_not_found" | "users_not_found":
            return lang.say("could not be reached: Slack does not know them (any more)")
        case "user_not_visible":
            return lang.say("could not be reached: the bot may not see them")
        case "channel_not_found":
            return lang.say("could not be reached: the conversation is gone, or not open to the bot")
        case "cannot_dm_bot":
            return lang.say("could not be reached: bots get no direct messages")
        case "messages_tab_disabled":
            return lang.say("could not be reached: the bot's messages are switched off in Slack")
        case "restricted_action":
            return lang.say("could not be reached: a setting of this Slack workspace forbids it")
        case "is_archived":
            return lang.say("could not be reached: the conversation is archived")
        case "not_in_channel":
            return lang.say("could not be reached: the bot is not in the conversation")
    return lang.say("could not be reached (Slack: {error})", error=shown(error, 30))
