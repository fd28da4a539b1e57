"""Slack's own words, which no app writes: what stands around the blocks, and what the client itself says.

Rule: every phrase exists in every language, and each person reads those of their own Slack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.languages import preferred
from sandbox.slack.state import Person

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
