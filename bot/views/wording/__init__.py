"""Every sentence about states, causes, errors and outcomes: one per case, the same in Slack and on pages.

The one rule: words are plain text. Slack's views escape them, pages let the template do it.
"""

from bot.views.text import Explanation
from bot.views.wording.approvals import (
    consequence_words,
    requested_change_words,
    spelled_out,
)
from bot.views.wording.causes import (
    Why,
    cause_in_short,
    cause_words,
    counted,
    held_words,
    is_refused_once,
    operator_words,
    socket_words,
    state_count,
    state_mark,
    state_words,
    trouble_words,
    unexplained_words,
)
from bot.views.wording.errors import refusal_words
from bot.views.wording.history import record_words
from bot.views.wording.names import (
    company,
    mail_in_short,
    mail_words,
    place_words,
    program_names,
    provider_of,
    role_words,
    via_words,
    way_words,
)
from bot.views.wording.outcomes import approval_hint, ending_words
from bot.views.wording.revocation import manual_steps, revocation_words
from bot.views.wording.scopes import (
    feature_names,
    lacking_in_short,
    lacking_words,
    scope_lines,
    scope_words,
)

__all__ = [
    "Explanation",
    "Why",
    "approval_hint",
    "cause_in_short",
    "cause_words",
    "company",
    "consequence_words",
    "counted",
    "ending_words",
    "feature_names",
    "held_words",
    "is_refused_once",
    "lacking_in_short",
    "lacking_words",
    "mail_in_short",
    "mail_words",
    "manual_steps",
    "operator_words",
    "place_words",
    "program_names",
    "provider_of",
    "record_words",
    "refusal_words",
    "requested_change_words",
    "revocation_words",
    "role_words",
    "scope_lines",
    "scope_words",
    "socket_words",
    "spelled_out",
    "state_count",
    "state_mark",
    "state_words",
    "trouble_words",
    "unexplained_words",
    "via_words",
    "way_words",
]
