"""Slack's own words, which no app writes: what stands around the blocks, what the client itself says, and how
names, dates and emoji read for one viewer, in text and in HTML.

Rule: every phrase exists in every language, and each person reads those of their own Slack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from babel.dates import format_timedelta

from sandbox.answers import preferred
from sandbox.slack.state import BOT_NAME, BOT_USER, Person, Workspace

WORDS: Final = {
    "en": {
        "optional": "(optional)",
        "only_you": "Only visible to you",
        "edited": "(edited)",
        "app": "APP",
        "home": "Home",
        "messages": "Messages",
        "nothing_yet": "Nothing here yet.",
        "no_messages": "No messages yet.",
        "members": "{count} members",
        "archived": "archived",
        "reply": "1 reply",
        "replies": "{count} replies",
        "conversations": "Channels",
        "apps": "Apps",
        "message_to": "Message {name} · try {command} help",
        "message": "Message",
        "send": "Send",
        "cancel": "Cancel",
        "close_all": "Close all",
        "more_actions": "More actions",
        "choose": "Choose an option",
        "take_out": "Remove {name}",
        "local": "local Slack",
        "acting_as": "Acting as",
        "deactivated": " (deactivated)",
        "owner": " (owner)",
        "admin": " (admin)",
        "guest": " (guest)",
        "sandbox": "Sandbox",
        "away": "The local Slack does not answer. Is it still running?",
        "sending_is_off": "Sending messages to this app has been turned off.",
        "no_such_command": "{command} is not a valid command.",
        "command_failed": '{command} failed with the error "{error}"',
        "no_inviting": "You can't invite anybody to this conversation.",
        "was_added": "{name} was added to #{conversation}.",
        "no_answer": "{name} did not answer ({error}). Try again.",
        "trouble": "We had some trouble connecting. Try again?",
        "required": "Please complete this required field.",
        "not_an_email": "Enter an email address in the format: name@example.com.",
        "too_short": "Enter at least {count} characters.",
        "too_long": "Enter at most {count} characters.",
        "try_these": "Try these",
        "seen_all": "You have seen it all",
        "of": "{done} of {all}",
        "show": "Show",
        "hide": "Hide",
        "done": "(done)",
        "step_connect": "Connect",
        "step_pause": "Stop using it, and begin again",
        "step_mend": "Break it, and mend it",
        "step_restore": "Give it back",
        "step_team": "A team address",
        "step_microsoft": "Microsoft",
        "step_switch": "Switch",
        "step_imap": "Any other host",
    },
    "ja": {
        "optional": "（任意）",
        "only_you": "あなただけに表示されています",
        "edited": "（編集済み）",
        "app": "アプリ",
        "home": "ホーム",
        "messages": "メッセージ",
        "nothing_yet": "まだ何もありません。",
        "no_messages": "メッセージはまだありません。",
        "members": "メンバー {count} 人",
        "archived": "アーカイブ済み",
        "reply": "1 件の返信",
        "replies": "{count} 件の返信",
        "conversations": "チャンネル",
        "apps": "アプリ",
        "message_to": "{name} へのメッセージ · {command} ヘルプ",
        "message": "メッセージ",
        "send": "送信",
        "cancel": "キャンセル",
        "close_all": "すべて閉じる",
        "more_actions": "その他のアクション",
        "choose": "オプションを選択",
        "take_out": "{name} を外す",
        "local": "ローカル Slack",
        "acting_as": "操作する人",
        "deactivated": "（解除済みアカウント）",
        "owner": "（オーナー）",
        "admin": "（管理者）",
        "guest": "（ゲスト）",
        "sandbox": "サンドボックス",
        "away": "ローカル Slack が応答しません。起動しているか確認してください。",
        "sending_is_off": "このアプリへのメッセージの送信はオフになっています。",
        "no_such_command": "{command} は有効なコマンドではありません。",
        "command_failed": "{command} はエラー「{error}」により失敗しました。",
        "no_inviting": "この会話にはメンバーを招待できません。",
        "was_added": "{name} が #{conversation} に追加されました。",
        "no_answer": "{name} が応答しませんでした（{error}）。もう一度お試しください。",
        "trouble": "接続時に問題が発生しました。もう一度お試しください。",
        "required": "この必須フィールドに入力してください。",
        "not_an_email": "メールアドレスは name@example.com の形式で入力してください。",
        "too_short": "{count} 文字以上で入力してください。",
        "too_long": "{count} 文字以内で入力してください。",
        "try_these": "お試しリスト",
        "seen_all": "すべて体験しました",
        "of": "{done}/{all}",
        "show": "表示",
        "hide": "隠す",
        "done": "（完了）",
        "step_connect": "接続する",
        "step_pause": "使用を止めて、再開する",
        "step_mend": "壊して、直す",
        "step_restore": "削除して、元に戻す",
        "step_team": "チームアドレス",
        "step_microsoft": "Microsoft",
        "step_switch": "切り替える",
        "step_imap": "その他のメールサーバー",
    },
}


def language_of(person: Person) -> str:
    """That of somebody's Slack; English where there are no words for it."""
    return preferred(person.locale)


def words_for(person: Person) -> Mapping[str, str]:
    """By what each says; some have places for names."""
    return WORDS[language_of(person)]


_EMOJI = {
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
_SHORTCODE = re.compile(r":([a-z0-9_+-]+):")


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
    return _SHORTCODE.sub(lambda code: _EMOJI.get(code.group(1), code.group(0)), text)
