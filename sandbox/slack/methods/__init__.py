"""The Web API's methods by name. Rule: what is not in this table is `unknown_method`."""

from sandbox.slack.methods import chat, conversations, people, team, views
from sandbox.slack.methods.base import Method

METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **people.METHODS,
    **team.METHODS,
    **views.METHODS,
}
