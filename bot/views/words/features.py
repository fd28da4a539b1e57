"""The operator's features by name and reason, and what is said of those that a mailbox cannot serve yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.feature import Feature
from bot.views.language import Language
from bot.views.text import shown

_LONGEST_NAME: Final = 40
_LONGEST_REASON: Final = 150
_NAMED: Final = 10


def feature_name(lang: Language, feature: Feature) -> str:
    return shown(feature.name.for_(lang.code), _LONGEST_NAME)


def feature_names(lang: Language, features: Sequence[Feature]) -> str:
    names = lang.listed(feature_name(lang, one) for one in features[:_NAMED])
    rest = len(features) - _NAMED
    return names if rest <= 0 else lang.say("{features} and {n} more", features=names, n=rest)


def feature_reason(lang: Language, feature: Feature) -> str:
    """``for CRM: to log what customers write``."""
    reason = shown(feature.reason.for_(lang.code), _LONGEST_REASON)
    return lang.say("for {feature}: {reason}", feature=feature_name(lang, feature), reason=reason)


def lacking_in_short(lang: Language, lacking: Sequence[Feature]) -> str:
    """Quietly, in a list: nothing is broken."""
    return lang.say("Needs a reconnect for {features}", features=feature_names(lang, lacking))


def lacking_words(lang: Language, lacking: Sequence[Feature], at: str) -> str:
    """What works, what does not, and the way to it."""
    missing = lang.count(
        "{features} cannot use this inbox yet: a permission is missing at {house}.",
        "These cannot use this inbox yet, because permissions are missing at {house}: {features}.",
        len(lacking),
        features=feature_names(lang, lacking),
        house=at,
    )
    way = (
        lang.say("Reconnect and tick all boxes.")
        if at == "Google"  # the only one that has boxes
        else lang.say("Reconnect and accept everything that is asked for.")
    )
    return lang.together(missing, way)
