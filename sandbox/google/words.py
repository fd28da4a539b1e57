"""The consent pages' words. Rule: every phrase exists in every language."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "en": {
        "brand": "Local Google (sandbox)",
        "choose": "Choose an account",
        "to_continue": "to continue to {app}",
        "no_such": "There is no account {address} here. Choose another one.",
        "another": "Use another account",
        "wants": "{app} wants access to your account",
        "select": "Choose what {app} may do",
        "identity": "{app} will see who you are: your address and your account’s number.",
        "later": "You can take this back at any time in your account settings.",
        "continue": "Continue",
        "cancel": "Cancel",
        "blocked": "Access blocked",
        "blocked_why": "{app} sent a request that cannot be answered, or you may not use it.",
        "error": "Error {status}: {code}",
    },
    "ja": {
        "brand": "ローカル Google（サンドボックス）",
        "choose": "アカウントの選択",
        "to_continue": "「{app}」に進みます",
        "no_such": "{address} というアカウントはここにありません。別のアカウントを選んでください。",
        "another": "別のアカウントを使用",
        "wants": "「{app}」がアカウントへのアクセスを求めています",
        "select": "「{app}」に許可する操作",
        "identity": "「{app}」にはメールアドレスとアカウント番号が伝わります。",
        "later": "この許可は、アカウント設定からいつでも取り消せます。",
        "continue": "続行",
        "cancel": "キャンセル",
        "blocked": "アクセスがブロックされました",
        "blocked_why": "「{app}」からのリクエストに応じられないか、このアカウントでは利用できません。",
        "error": "エラー {status}: {code}",
    },
}
