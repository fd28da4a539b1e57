"""The document that programs read: valid, whole, and true of what the routes are typed with."""

from __future__ import annotations

from aiohttp.test_utils import make_mocked_request
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from handlers.api import ROUTES, Api
from handlers.api_schema import document
from tests.services.play import Play
from tests.services.test_token_broker import SUPPORT, play, program

__all__ = ["play"]


async def test_the_document_is_valid_and_names_every_route(play: Play) -> None:
    """It is served without a key, and each route that is there stands in it."""
    desk = await program(play, addresses=(), is_for_team=True, name="Desk")
    base = play.services.core.policy.base_url
    async with play.stage.session.get(f"{base}/api/openapi.json") as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        told = await answer.json()
    validate(told, cls=OpenAPIV31SpecValidator)
    served = {
        (route.method, route.resource.canonical)
        for route in play.stage.bot.web.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/")
    }
    named = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert {it for it in served if it[0] != "HEAD"} == named
    assert desk.secret not in str(told)


def test_each_route_has_its_handler() -> None:
    assert all(callable(getattr(Api, route.handler)) for route in ROUTES)
    assert document(ROUTES) == document(ROUTES)


async def test_an_oauth_client_reads_of_each_status(play: Play) -> None:
    """Of a form that is too large, too; and whom EmailEngine must ask for is no choice."""
    paths = document(ROUTES)["paths"]
    answers = paths["/api/oauth/{which}/{audience}/token"]["post"]["responses"]
    desk = await program(play, addresses=(), is_for_team=True)
    for form, status in (({}, 400), ({"scope": "x" * 200_000}, 413)):
        assert (await desk.refreshes(**form))[0] == status
        assert str(status) in answers
    asked = paths["/api/emailengine/{door}"]["get"]["parameters"]
    assert {it["name"]: it["required"] for it in asked} == {"door": True, "account": True, "proto": False}


async def test_the_document_is_made_once(play: Play) -> None:
    """Anybody may ask for it: it must cost nothing."""
    api = Api(play.services.api_keys, play.services.token_broker)
    first, second = [await api.openapi(make_mocked_request("GET", "/")) for _ in range(2)]
    assert first.body is second.body


async def test_what_is_answered_is_what_is_documented(play: Play) -> None:
    """The fields of a token, a mailbox, a page of the feed and an error, and no others."""
    await play.connect_team(SUPPORT)
    desk = await program(play)
    await play.settles()
    schemas = document(ROUTES)["components"]["schemas"]
    for path, name, how in (
        (f"/channels/{SUPPORT}/token", "TokenAnswer", {}),
        (f"/channels/{SUPPORT}", "ChannelAnswer", {"method": "GET"}),
        ("/channels", "ChannelsAnswer", {"method": "GET"}),
        ("/events", "EventsAnswer", {"method": "GET"}),
        ("/channels/nobody@acme.example", "ErrorAnswer", {"method": "GET"}),
    ):
        _, told = await desk.asks(path, **how)
        form = schemas[name]
        assert set(form["required"]) <= set(told) <= set(form["properties"]), (name, told)


async def test_a_mailbox_whose_owner_has_not_allowed_it_is_a_documented_answer(play: Play) -> None:
    """At each route about one mailbox."""
    alice = await play.connect("alice")
    desk = await program(play, addresses=[alice.address])
    paths = document(ROUTES)["paths"]
    for path, method in (("", "GET"), ("/token", "POST"), ("/token/refused", "POST")):
        body = {"fingerprint": "0" * 16} if path == "/token/refused" else None
        status, told = await desk.asks(f"/channels/{alice.address}{path}", body, method=method)
        assert (status, told["waits_for"]) == (403, "owner")
        assert "403" in paths[f"/api/v1/channels/{{which}}{path}"][method.lower()]["responses"], path
