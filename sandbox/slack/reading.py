"""How names, dates and emoji read for one viewer: what both renderings (text and HTML) have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from sandbox.slack.seed import BOT_NAME, BOT_USER
from sandbox.slack.state import Workspace

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
        person = self.workspace.people[self.user]
        return instant.astimezone(timezone(timedelta(seconds=person.tz_offset)))

    def clock_time(self, ts: str) -> str:
        return self.local(datetime.fromtimestamp(float(ts), UTC)).strftime("%H:%M")

    def date(self, unix: int, wanted: str) -> str:
        """`{date_short_pretty} at {time}` in the viewer's own time zone."""
        instant = self.local(datetime.fromtimestamp(unix, UTC))
        today = self.local(self.workspace.clock())
        return re.sub(r"\{(\w+)\}", lambda word: _date_word(word.group(1), instant, today), wanted)


def _date_word(word: str, instant: datetime, today: datetime) -> str:
    if word.endswith("_pretty"):
        days = (instant.date() - today.date()).days
        if days in _PRETTY:
            return _PRETTY[days]
        word = word.removesuffix("_pretty")
    if word == "ago":
        return _ago(today - instant)
    return instant.strftime(_DATE_FORMATS.get(word, "%Y-%m-%d"))


_PRETTY = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_DATE_FORMATS = {
    "date": "%B %-d, %Y",
    "date_num": "%Y-%m-%d",
    "date_slash": "%m/%d/%Y",
    "date_short": "%b %-d, %Y",
    "date_long": "%A, %B %-d, %Y",
    "time": "%H:%M",
    "time_secs": "%H:%M:%S",
}


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if abs(seconds) >= size:
            number = abs(seconds) // size
            words = f"{number} {name}{'s' if number != 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


def with_emoji(text: str) -> str:
    return SHORTCODE.sub(lambda code: EMOJI.get(code.group(1), code.group(0)), text)
