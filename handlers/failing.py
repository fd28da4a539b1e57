"""What a browser sees instead of the page it asked for: always a page, in words, with the right status."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.domain.errors import (
    GuestNotAllowed,
    LinkBusy,
    NotAllowed,
    OtherBrowser,
    Refusal,
    TicketUnknown,
    WrongWorkspace,
)
from bot.views.language import Language
from bot.views.pages import (
    busy_page,
    not_found_page,
    problem_page,
    refusal_page,
    too_large_page,
    too_slow_page,
    unreadable_page,
    wrong_method_page,
)
from handlers.browser import page
from handlers.faults import Away, Bug, Fault, Refused

_FORBIDDEN: Final = (OtherBrowser, NotAllowed, GuestNotAllowed, WrongWorkspace)
_OVER: Final = 410
_UNREADABLE: Final = {400: unreadable_page, 408: too_slow_page, 413: too_large_page}


def fault_page(lang: Language, fault: Fault) -> web.Response:
    """What went wrong, for whoever asked."""
    match fault:
        case Refused(refusal):
            return page(refusal_page(lang, refusal), status=_status_of(refusal))
        case Away():
            response = page(busy_page(lang), status=503)
            response.headers["Retry-After"] = "60"
            return response
        case Bug(reference):
            return page(problem_page(lang, reference), status=500)


def http_page(lang: Language, error: web.HTTPException) -> web.Response:
    """What aiohttp itself refuses: no such address, not this way, too much."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        response = page(wrong_method_page(lang), status=405)
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    if error.status in _UNREADABLE:
        return page(_UNREADABLE[error.status](lang), status=error.status)
    return page(not_found_page(lang), status=error.status)


def _status_of(refusal: Refusal) -> int:
    if isinstance(refusal, TicketUnknown):
        return 404
    if isinstance(refusal, LinkBusy):
        return 429
    return 403 if isinstance(refusal, _FORBIDDEN) else _OVER
