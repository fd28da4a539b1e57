"""The sign-in pages, and the one on which an admin allows an app something for a whole organisation.

Rule: plain HTML forms; everything a click needs is in the address it was asked with, and every phrase exists
in every language. For an admin the same proofs as for signing in; only one of that organisation gets to
answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from multidict import MultiMapping

from sandbox.answers import ConsentRefused, preferred
from sandbox.microsoft.aadsts import Trace
from sandbox.microsoft.authority import Authority
from sandbox.microsoft.authorization import (
    ConsentRequest,
    Reply,
    Return,
    SentBack,
    Standing,
    accepted,
    approve,
    asked_scopes,
    check_account,
    declined,
    left_with_request,
    not_signed_in,
    proven_authority,
    proven_client,
    proven_redirect,
    read_request,
    refuse_repeats,
    requested,
    shown,
    standing,
)
from sandbox.microsoft.scopes import EMAIL, OPENID, PROFILE, SCOPES, SIGN_IN, Scope, full_name
from sandbox.microsoft.state import Account, State

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

_MANAGED: Final = {True: "https://account.live.com/consent/Manage", False: "https://myapps.microsoft.com"}
"""Where a person takes consent back, by whether the account is personal."""


HERE: Final = Path(__file__).parent
STYLE: Final = (HERE / "microsoft.css").read_text(encoding="utf-8")
TEMPLATES: Final = Environment(
    loader=FileSystemLoader(HERE.parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Showing:
    """Draws pages for one local Microsoft."""

    def __init__(self, state: State, prefix: str) -> None:
        self._state = state
        self._prefix = prefix

    async def style(self, request: web.Request) -> web.Response:
        """GET /microsoft.css."""
        return web.Response(text=STYLE, content_type="text/css")

    def page(self, request: web.Request, template: str, status: int = 200, **data: Any) -> web.Response:
        """One of the templates, in the language of the browser."""
        language = preferred(request.headers.get("Accept-Language", ""))
        html = TEMPLATES.get_template(f"microsoft_{template}.html").render(
            data,
            language=language,
            words=WORDS[language],
            app=self._state.app_name,
            style=f"{self._prefix}/microsoft.css",
            query=request.query_string,
        )
        headers = {**_HEADERS, "Content-Language": language}
        return web.Response(status=status, text=html, content_type="text/html", headers=headers)

    def refused(self, request: web.Request, refused: ConsentRefused) -> web.Response:
        """Microsoft's own error page: the app hears nothing."""
        trace = Trace(self._state.clock())
        return self.page(request, "error", refused.status, refused=refused, trace=trace)

    def answer(self, request: web.Request, reply: Reply) -> web.Response:
        """Back to the app: a redirect, or a form that sends itself."""
        if reply.by_form:
            return self.page(request, "post", reply=reply)
        return web.Response(status=302, headers={"Location": reply.url, **_HEADERS})


def listed(scopes: tuple[str, ...]) -> tuple[Scope, ...]:
    """What the consent page lists: signing in goes without saying once the profile is read."""
    quiet = {OPENID, PROFILE, EMAIL} if "User.Read" in scopes else {OPENID}
    shown = [name for name in scopes if name not in quiet] or list(scopes)
    return tuple(SCOPES[name] for name in sorted(shown, key=lambda name: name in SIGN_IN))


AUTHORIZE = "/oauth2/v2.0/authorize"


class Pages:
    """Pick an account, accept what an app asks for, ask an admin, or read why not."""

    def __init__(self, state: State, prefix: str, showing: Showing) -> None:
        self._state = state
        self._prefix = prefix
        self._showing = showing

    def add_routes(self, app: web.Application) -> None:
        base = f"{self._prefix}/{{tenant}}{AUTHORIZE}"
        app.router.add_get(base, self._begin)
        app.router.add_get(f"{base}/accounts", self._choose)
        app.router.add_get(f"{base}/accounts/{{oid}}", self._go_on)
        app.router.add_post(f"{base}/accounts/{{oid}}", self._decide)

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize: on with the hinted account, or the list of accounts."""
        self._state.requests["authorize"] += 1
        self._state.wishes.append(dict(request.query))
        try:
            wish = self._wish(request)
            if wish.prompt == "none":
                return self._showing.answer(request, not_signed_in(self._state, wish))
            hinted = self._hinted(wish)
            if hinted is None or wish.prompt == "select_account":
                return self._chooser(request, wish)
            return self._next(request, wish, hinted)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _choose(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize/accounts: the list, whatever the hint."""
        try:
            return self._chooser(request, self._wish(request))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _go_on(self, request: web.Request) -> web.StreamResponse:
        """GET …/authorize/accounts/{oid}: whatever stands between this account and the app."""
        try:
            return self._next(request, self._wish(request), self._picked(request))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/authorize/accounts/{oid}: what was answered on one of the pages."""
        form = await request.post()
        try:
            wish, account = self._wish(request), self._picked(request)
            choice = str(form.get("choice", ""))
            if choice == "request":
                return self._asked_admin(request, wish, account, str(form.get("reason", "")))
            if choice == "accept":
                everybody = form.get("everybody") == "yes"
                reply = accepted(self._state, wish, account, for_everybody=everybody)
            else:
                answer = left_with_request if choice == "back" else declined
                reply = answer(self._state, wish)
            return self._showing.answer(request, reply)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    def _next(self, request: web.Request, wish: ConsentRequest, account: Account) -> web.Response:
        """What this account sees next."""
        check_account(self._state, wish, account)
        what = standing(self._state, wish, account)
        if what is Standing.NOTHING:
            return self._showing.answer(request, accepted(self._state, wish, account))
        template = {Standing.CONSENT: "consent", Standing.ADMIN: "approval", Standing.REQUEST: "request"}[
            what
        ]
        return self._page(request, template, wish, account)

    def _asked_admin(
        self, request: web.Request, wish: ConsentRequest, account: Account, reason: str
    ) -> web.Response:
        try:
            requested(self._state, wish, account, reason)
        except ValueError:
            return self._page(request, "request", wish, account, without_reason=True)
        return self._page(request, "requested", wish, account)

    def _page(
        self,
        request: web.Request,
        template: str,
        wish: ConsentRequest,
        account: Account,
        *,
        without_reason: bool = False,
    ) -> web.Response:
        return self._showing.page(
            request,
            template,
            account=account,
            accounts_url=self._accounts_url(request),
            scopes=listed(wish.scopes),
            managed=_MANAGED[account.is_personal],
            for_organisation=False,
            without_reason=without_reason,
        )

    def _chooser(self, request: web.Request, wish: ConsentRequest) -> web.Response:
        hinted = self._hinted(wish)
        able = [
            a
            for a in self._state.directory
            if a.signs_in and wish.authority.admits(a) and _hinted_at(wish, a)
        ]
        return self._showing.page(
            request,
            "accounts",
            accounts=sorted(able, key=lambda account: account != hinted),
            accounts_url=self._accounts_url(request),
            unknown="" if self._state.directory.find(wish.login_hint) else wish.login_hint,
        )

    def _hinted(self, wish: ConsentRequest) -> Account | None:
        """The account that the hint names, if it could sign in here."""
        found = self._state.directory.find(wish.login_hint) if wish.login_hint else None
        return found if found and found.signs_in and wish.authority.admits(found) else None

    def _wish(self, request: web.Request) -> ConsentRequest:
        return read_request(self._state, request.match_info["tenant"], request.query)

    def _picked(self, request: web.Request) -> Account:
        account = self._state.directory.find(request.match_info["oid"])
        if account is None:
            raise shown(50034)
        return account

    def _accounts_url(self, request: web.Request) -> str:
        return f"{self._prefix}/{request.match_info['tenant']}{AUTHORIZE}/accounts"

    def _no(self, request: web.Request, no: ConsentRefused | SentBack) -> web.Response:
        if isinstance(no, SentBack):
            return self._showing.answer(request, no.reply)
        return self._showing.refused(request, no)


def _hinted_at(wish: ConsentRequest, account: Account) -> bool:
    """Whether the domain hint leaves this account in the list."""
    kinds = {"consumers": account.is_personal, "organizations": not account.is_personal}
    hint = wish.domain_hint
    return kinds.get(hint, account.email.endswith(f"@{hint}")) if hint else True


ADMINCONSENT = "/v2.0/adminconsent"


@dataclass(frozen=True)
class ApprovalWish:
    """A request for an organisation's approval that passed every check."""

    authority: Authority
    client_id: str
    back: Return
    scopes: tuple[str, ...]


def read_wish(state: State, path: str, query: MultiMapping[str]) -> ApprovalWish:
    """Raises ConsentRefused and SentBack."""
    authority = proven_authority(state, path)
    if not (authority.is_one_organisation or authority.path == "organizations"):
        raise shown(90023, f"Admin consent is not for '{authority.path}'.")
    refuse_repeats(query)
    client = proven_client(state, query)
    back = Return(proven_redirect(client, query), query.get("state", ""))
    scopes = asked_scopes(query.get("scope", ""), back, Trace(state.clock()))
    return ApprovalWish(authority, client.client_id, back, scopes)


def _check_admin(wish: ApprovalWish, account: Account) -> None:
    """Raises ConsentRefused."""
    if account.is_personal or not account.signs_in or not wish.authority.admits(account):
        raise shown(50020, f"User account '{account.upn}' cannot approve this.")
    if not account.is_admin:
        raise shown(90093, status=403)


def approved(state: State, wish: ApprovalWish, account: Account) -> Reply:
    """The answer after *Accept*. Raises ConsentRefused."""
    _check_admin(wish, account)
    approve(state.directory.tenant(account.tid), wish.client_id, frozenset(wish.scopes))
    scope = " ".join(map(full_name, wish.scopes))
    return wish.back.reply(admin_consent="True", tenant=account.tid, scope=scope)


def refused(state: State, wish: ApprovalWish, account: Account) -> Reply:
    """The answer after *Cancel*: it says `admin_consent=True` as well, only the error tells it from a Yes."""
    return wish.back.error(
        Trace(state.clock()), 65004, error="consent_required", admin_consent="True", tenant=account.tid
    )


class ApprovalPages:
    """Pick an admin's account, and accept or not."""

    def __init__(self, state: State, prefix: str, showing: Showing) -> None:
        self._state = state
        self._prefix = prefix
        self._showing = showing

    def add_routes(self, app: web.Application) -> None:
        base = f"{self._prefix}/{{tenant}}{ADMINCONSENT}"
        app.router.add_get(base, self._begin)
        app.router.add_get(f"{base}/accounts", self._begin)
        app.router.add_get(f"{base}/accounts/{{oid}}", self._ask)
        app.router.add_post(f"{base}/accounts/{{oid}}", self._decide)

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        """GET …/adminconsent: the list of accounts."""
        self._state.requests["adminconsent"] += 1
        try:
            wish = self._wish(request)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)
        able = [
            a for a in self._state.directory if a.signs_in and not a.is_personal and wish.authority.admits(a)
        ]
        accounts = sorted(able, key=lambda account: not account.is_admin)
        return self._showing.page(
            request, "accounts", accounts=accounts, accounts_url=self._accounts_url(request), unknown=""
        )

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """GET …/adminconsent/accounts/{oid}: what the organisation is asked to allow."""
        try:
            wish, account = self._wish(request), self._picked(request)
            _check_admin(wish, account)
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)
        return self._showing.page(
            request,
            "consent",
            account=account,
            accounts_url=self._accounts_url(request),
            scopes=listed(wish.scopes),
            managed=_MANAGED[False],
            for_organisation=True,
        )

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        """POST …/adminconsent/accounts/{oid}: Accept or Cancel."""
        form = await request.post()
        try:
            wish, account = self._wish(request), self._picked(request)
            if form.get("choice") == "accept":
                return self._showing.answer(request, approved(self._state, wish, account))
            return self._showing.answer(request, refused(self._state, wish, account))
        except (ConsentRefused, SentBack) as no:
            return self._no(request, no)

    def _wish(self, request: web.Request) -> ApprovalWish:
        return read_wish(self._state, request.match_info["tenant"], request.query)

    def _picked(self, request: web.Request) -> Account:
        account = self._state.directory.find(request.match_info["oid"])
        if account is None:
            raise shown(50034)
        return account

    def _accounts_url(self, request: web.Request) -> str:
        return f"{self._prefix}/{request.match_info['tenant']}{ADMINCONSENT}/accounts"

    def _no(self, request: web.Request, no: ConsentRefused | SentBack) -> web.Response:
        if isinstance(no, SentBack):
            return self._showing.answer(request, no.reply)
        return self._showing.refused(request, no)
