"""The words after the command, as the reader would type them."""

from __future__ import annotations

from bot.views.language import Language


def verb_words(lang: Language, verb: str) -> str:
    """``verb`` in the reader's language; one that has no word there stays as it is."""
    known = {
        "connect": lang.say("connect"),
        "list": lang.say("list"),
        "status": lang.say("status"),
        "disconnect": lang.say("disconnect"),
        "disable": lang.say("disable"),
        "enable": lang.say("enable"),
        "remove": lang.say("remove"),
        "reconnect": lang.say("reconnect"),
        "switch": lang.say("switch"),
        "permissions": lang.say("permissions"),
        "why": lang.say("why"),
        "drill": lang.say("drill"),
    }
    return known.get(verb, verb)
