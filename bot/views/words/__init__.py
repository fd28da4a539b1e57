"""Every sentence about states, causes, errors and outcomes: one per case, the same in Slack and on pages.

The one rule: words are plain text. Slack's views escape them, pages let the template do it.
"""

from bot.views.words.approvals import spelled_out
from bot.views.words.causes import (
    Why,
    cause_in_short,
    cause_words,
    held_words,
    is_refused_once,
    operator_words,
    socket_words,
    trouble_words,
    unexplained_words,
)
from bot.views.words.endings import approval_hint, ending_words
from bot.views.words.features import feature_name, feature_names, lacking_in_short, lacking_words
from bot.views.words.history import record_words
from bot.views.words.mail import mail_in_short, mail_words, place_words, way_words
from bot.views.words.names import family, house, provider_of, via_words
from bot.views.words.refusals import refusal_words
from bot.views.words.revocations import manual_steps, removal_words, revocation_words
from bot.views.words.roles import role_words
from bot.views.words.said import Words
from bot.views.words.scopes import scope_lines, scope_words
from bot.views.words.states import state_count, state_mark, state_name, state_words
from bot.views.words.wishes import consequence_words, request_state_words, wish_words

__all__ = [
    "Why",
    "Words",
    "approval_hint",
    "cause_in_short",
    "cause_words",
    "consequence_words",
    "ending_words",
    "family",
    "feature_name",
    "feature_names",
    "held_words",
    "house",
    "is_refused_once",
    "lacking_in_short",
    "lacking_words",
    "mail_in_short",
    "mail_words",
    "manual_steps",
    "operator_words",
    "place_words",
    "provider_of",
    "record_words",
    "refusal_words",
    "removal_words",
    "request_state_words",
    "revocation_words",
    "role_words",
    "scope_lines",
    "scope_words",
    "socket_words",
    "spelled_out",
    "state_count",
    "state_mark",
    "state_name",
    "state_words",
    "trouble_words",
    "unexplained_words",
    "via_words",
    "way_words",
    "wish_words",
]
