"""How names, dates and emoji read for one viewer: what both renderings (text and HTML) have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from babel.dates import format_timedelta

from sandbox.slack.seed import BOT_NAME, BOT_USER
from sandbox.slack.state import Person, Workspace
from sandbox.slack.words import language_of

EMOJI = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "warning": "⚠️",
    "rotating_light": "🚨",
    "red_circle": "🔴",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "large_blue_circle": "🔵",
    "white_circle": "⚪",
    "large_white_circle": "⚪",
    "email": "📧",
    "envelope": "✉️",
    "incoming_envelope": "📨",
    "mailbox": "📫",
    "mailbox_with_mail": "📬",
    "inbox_tray": "📥",
    "hourglass_flowing_sand": "⏳",
    "hourglass": "⌛",
    "wave": "👋",
    "gear": "⚙️",
    "lock": "🔒",
    "key": "🔑",
    "bell": "🔔",
    "no_bell": "🔕",
    "zzz": "💤",
    "arrows_counterclockwise": "🔄",
    "link": "🔗",
    "information_source": "ℹ️",
    "bulb": "💡",
    "tada": "🎉",
    "eyes": "👀",
    "mag": "🔍",
    "wastebasket": "🗑️",
    "shield": "🛡️",
    "construction": "🚧",
    "double_vertical_bar": "⏸️",
    "arrow_forward": "▶️",
    "point_right": "👉",
    "raised_hand": "✋",
    "speech_balloon": "💬",
    "hammer_and_wrench": "🛠️",
    "clock1": "🕐",
    "busts_in_silhouette": "👥",
}
SHORTCODE = re.compile(r":([a-z0-9_+-]+):")


@dataclass(frozen=True)
class Reader:
    """One viewer of the workspace."""

    workspace: Workspace
    user: str

    @property
    def me(self) -> Person:
        return self.workspace.people[self.user]

    def name_of(self, user_id: str) -> str:
        if user_id == BOT_USER:
            return BOT_NAME
        person = self.workspace.people.get(user_id)
        return person.real_name if person else user_id

    def conversation_name(self, conversation_id: str) -> str:
        conversation = self.workspace.conversations.get(conversation_id)
        return conversation.name if conversation and conversation.name else conversation_id

    def group_name(self, group_id: str) -> str:
        group = self.workspace.usergroups.get(group_id)
        return group.handle if group else group_id

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(timezone(timedelta(seconds=self.me.tz_offset)))

    def clock_time(self, ts: str) -> str:
        return self.local(datetime.fromtimestamp(float(ts), UTC)).strftime("%H:%M")

    def date(self, unix: int, wanted: str) -> str:
        """`{date_short_pretty} at {time}` in the viewer's own time zone."""
        instant = self.local(datetime.fromtimestamp(unix, UTC))
        today = self.local(self.workspace.clock())
        words = _JAPANESE if language_of(self.me) == "ja" else _ENGLISH
        return re.sub(r"\{(\w+)\}", lambda word: _date_word(word.group(1), instant, today, words), wanted)


def _date_word(word: str, instant: datetime, today: datetime, words: _DateWords) -> str:
    if word.endswith("_pretty"):
        days = (instant.date() - today.date()).days
        if days in words.pretty:
            return words.pretty[days]
        word = word.removesuffix("_pretty")
    if word == "ago":
        return _ago(today - instant, words.lang)
    return instant.strftime(words.formats.get(word, "%Y-%m-%d"))


@dataclass(frozen=True)
class _DateWords:
    """How Slack writes dates in one language."""

    lang: str
    pretty: dict[int, str]
    formats: dict[str, str]


_TIMES = {"date_num": "%Y-%m-%d", "time": "%H:%M", "time_secs": "%H:%M:%S"}
_ENGLISH = _DateWords(
    "en",
    {-1: "yesterday", 0: "today", 1: "tomorrow"},
    _TIMES
    | {
        "date": "%B %-d, %Y",
        "date_slash": "%m/%d/%Y",
        "date_short": "%b %-d, %Y",
        "date_long": "%A, %B %-d, %Y",
    },
)
_JAPANESE = _DateWords(
    "ja",
    {-1: "昨日", 0: "今日", 1: "明日"},
    _TIMES
    | {
        "date": "%Y年%-m月%-d日",
        "date_slash": "%Y/%m/%d",
        "date_short": "%Y年%-m月%-d日",
        "date_long": "%Y年%-m月%-d日",
    },
)


def _ago(span: timedelta, lang: str) -> str:
    """As babel writes it, which has Slack's words in every language."""
    if abs(span) < timedelta(minutes=1):
        return "たった今" if lang == "ja" else "just now"
    return format_timedelta(-span, granularity="minute", threshold=1, add_direction=True, locale=lang)


def with_emoji(text: str) -> str:
    return SHORTCODE.sub(lambda code: EMOJI.get(code.group(1), code.group(0)), text)
