"""The words of the pages. Rule: every phrase exists in every language."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "en": {
        "brand": "Local Microsoft (sandbox)",
        "choose": "Pick an account",
        "to_continue": "to continue to {app}",
        "no_such": "There is no account {address} here. Pick another one.",
        "nobody": "Nobody can sign in here.",
        "another": "Use another account",
        "personal": "Personal account",
        "admin": "Administrator",
        "permissions": "Permissions requested",
        "for_organisation": "Review for your organization",
        "permissions_personal": "Let this app access your info?",
        "unverified": "unverified",
        "unpublished": "This application is not published by Microsoft or your organization.",
        "would_like": "This app would like to:",
        "on_behalf": "Consent on behalf of your organization",
        "on_behalf_all": (
            "If you accept, this app will get access to the specified resources for all users in "
            "your organization. No one else will be prompted to review these permissions."
        ),
        "later": (
            "Accepting these permissions means that you allow this app to use your data as "
            "specified in its terms of service and privacy statement. You can change these "
            "permissions at {place}."
        ),
        "accept": "Accept",
        "cancel": "Cancel",
        "need_approval": "Need admin approval",
        "need_approval_why": (
            "{app} needs permission to access resources in your organization that only an admin "
            "can grant. Please ask an admin to grant permission to this app before you can use "
            "it."
        ),
        "have_admin": "Have an admin account? Sign in with that account",
        "return": "Return to the application without granting consent",
        "approval_required": "Approval required",
        "approval_required_why": "This app requires your admin's approval to:",
        "justification": "Enter justification for requesting this app",
        "justification_missing": "Say why you need this app.",
        "request": "Request approval",
        "request_sent": "Request sent",
        "request_sent_why": "Your admins have been told. You will get an email once they have decided.",
        "back": "Back to the application",
        "trouble": "Sorry, but we’re having trouble signing you in.",
        "trouble_details": "Troubleshooting details",
        "trouble_admin": "If you contact your administrator, send this info to them.",
        "redirecting": "Taking you back to the application…",
        "continue": "Continue",
    },
    "ja": {
        "brand": "ローカル Microsoft（サンドボックス）",
        "choose": "アカウントを選択する",
        "to_continue": "{app} に進みます",
        "no_such": "{address} というアカウントはここにありません。別のアカウントを選んでください。",
        "nobody": "ここにサインインできるアカウントはありません。",
        "another": "別のアカウントを使用する",
        "personal": "個人用アカウント",
        "admin": "管理者",
        "permissions": "要求されているアクセス許可",
        "for_organisation": "組織のレビュー",
        "permissions_personal": "このアプリがあなたの情報にアクセスすることを許可しますか？",
        "unverified": "未確認",
        "unpublished": "このアプリケーションは、Microsoft または所属組織が公開したものではありません。",
        "would_like": "このアプリで必要なアクセス許可:",
        "on_behalf": "組織の代理として同意する",
        "on_behalf_all": (
            "同意すると、このアプリは組織内のすべてのユーザーについて、指定されたリソースにアクセ"
            "スできるようになります。他のユーザーがこれらのアクセス許可の確認を求められることはあ"
            "りません。"
        ),
        "later": (
            "これらのアクセス許可に同意すると、サービス利用規約とプライバシーに関する声明に従って"
            "、このアプリがあなたのデータを使用することを許可したことになります。これらのアクセス"
            "許可は {place} で変更できます。"
        ),
        "accept": "承諾",
        "cancel": "キャンセル",
        "need_approval": "管理者の承認が必要",
        "need_approval_why": (
            "{app} には、管理者のみが付与できる組織内のリソースへのアクセス許可が必要です。使用す"
            "る前に、このアプリへのアクセス許可の付与を管理者に依頼してください。"
        ),
        "have_admin": "管理者アカウントをお持ちですか？ そのアカウントでサインインする",
        "return": "同意せずにアプリケーションに戻る",
        "approval_required": "承認が必要です",
        "approval_required_why": "このアプリで次の操作を行うには、管理者の承認が必要です:",
        "justification": "このアプリを要求する理由を入力してください",
        "justification_missing": "このアプリが必要な理由を入力してください。",
        "request": "承認の要求",
        "request_sent": "要求を送信しました",
        "request_sent_why": "管理者に通知しました。決定されると、メールが届きます。",
        "back": "アプリケーションに戻る",
        "trouble": "申し訳ありませんが、サインイン中に問題が発生しました。",
        "trouble_details": "トラブルシューティングの詳細",
        "trouble_admin": "管理者に問い合わせる場合は、この情報を伝えてください。",
        "redirecting": "アプリケーションに戻ります…",
        "continue": "続行",
    },
}

MANAGED: Final = {True: "https://account.live.com/consent/Manage", False: "https://myapps.microsoft.com"}
"""Where a person takes consent back, by whether the account is personal."""
