"""A user notices what was lost, and nothing else, whatever the app says."""

from collections import deque
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpServer

from control.compare.visitors import READ, WRITE, SomebodyElses, Visit, Visitor
from sessions.token import Sealer, Token

SEALER = Sealer([b"a secret that is long enough"], "store", ["a", "b"])
ID = "q1Zp0vYcR7mXw3bKfT9eLA"
ME = "me"


class Shop:
    """Answers as it was told to: (born, writes), or a status; it notes what cookies came."""

    def __init__(self) -> None:
        self.answers: deque[tuple[str, int] | int] = deque()
        self.owner: str | None = None  # instead of who asks
        self.unprotected = False
        self.cookies: list[dict[str, str]] = []
        self.addresses: list[str] = []
        self._owner = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.cookies.append(dict(request.cookies))
        self.addresses.append(request.headers["X-Forwarded-For"])
        self._owner = request.query.get("owner", self._owner)
        now = self.answers.popleft()
        if isinstance(now, int):
            return web.Response(status=now)
        born, writes = now
        told: dict[str, Any] = {"owner": self.owner or self._owner, "born": born, "count": writes}
        response = web.json_response(told if born else dict.fromkeys(told))
        sealed = SEALER.seal(Token(ID, 1, writes, 1, 1, self.unprotected)).decode()
        response.set_cookie("limpet_store", sealed)
        return response


@pytest.fixture
async def shop(aiohttp_server: AiohttpServer) -> Any:
    it = Shop()
    app = web.Application()
    app.router.add_route("*", "/store/cart", it.answer)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        visitor = Visitor(http, str(server.make_url("/store/cart")), 258, "limpet_store", SEALER)
        yield it, visitor


async def see(shop: Shop, visitor: Visitor, method: str, *answers: tuple[str, int] | int) -> Visit:
    """The last of these answers."""
    shop.answers.extend(answers)
    for _ in answers:
        visit = await visitor.visit(method)
    return visit


async def test_a_session_that_goes_on_is_not_lost(shop: tuple[Shop, Visitor]) -> None:
    app, visitor = shop
    for number in (1, 2, 3):
        visit = await see(app, visitor, WRITE, ("x", number))
        assert (visit.answered, visit.session_lost, visit.writes_lost) == (True, False, 0)
        assert visit.ended >= visit.began
    visit = await see(app, visitor, READ, ("x", 3))
    assert (visit.session_lost, visit.writes_lost, visit.unprotected) == (False, 0, False)
    assert visitor.token is not None
    assert (visitor.token.node, visitor.token.version, visitor.sessions) == (1, 3, {ID})
    assert list(app.cookies[0]) == []
    assert list(app.cookies[-1]) == ["limpet_store"]
    assert set(app.addresses) == {"10.0.1.2"}


@pytest.mark.parametrize(("method", "empty"), [(READ, ("", 0)), (WRITE, ("y", 1))])
async def test_a_session_that_is_gone_is_counted_once_with_its_writes(
    shop: tuple[Shop, Visitor], method: str, empty: tuple[str, int]
) -> None:
    app, visitor = shop
    await see(app, visitor, WRITE, ("x", 1), ("x", 2))
    visit = await see(app, visitor, method, empty)
    assert (visit.session_lost, visit.writes_lost) == (True, 2)
    again = await see(app, visitor, method, ("y", 2) if method == WRITE else ("", 0))
    assert (again.session_lost, again.writes_lost) == (False, 0)


async def test_a_write_that_is_gone_from_a_session_that_is_not(shop: tuple[Shop, Visitor]) -> None:
    app, visitor = shop
    await see(app, visitor, WRITE, ("x", 1), ("x", 2), ("x", 3))
    visit = await see(app, visitor, READ, ("x", 1))
    assert (visit.session_lost, visit.writes_lost) == (False, 2)


async def test_a_write_without_an_answer_may_have_counted_or_not_or_count_later(
    shop: tuple[Shop, Visitor],
) -> None:
    app, visitor = shop
    assert not (await see(app, visitor, WRITE, ("x", 1), 502)).answered
    assert (await see(app, visitor, READ, ("x", 2))).writes_lost == 0
    await see(app, visitor, WRITE, 503)
    assert (await see(app, visitor, READ, ("x", 2))).writes_lost == 0
    assert (await see(app, visitor, READ, ("x", 3))).writes_lost == 0
    with pytest.raises(SomebodyElses, match=r"4 writes, and only 3 were sent: .* GET 200"):
        await see(app, visitor, READ, ("x", 4))


async def test_a_write_whose_token_says_that_it_has_no_copy(shop: tuple[Shop, Visitor]) -> None:
    app, visitor = shop
    app.unprotected = True
    assert (await see(app, visitor, WRITE, ("x", 1))).unprotected
    assert not (await see(app, visitor, READ, ("x", 1))).unprotected


async def test_another_users_session_ends_everything(shop: tuple[Shop, Visitor]) -> None:
    app, visitor = shop
    app.owner = "somebody"
    with pytest.raises(SomebodyElses, match="the session of somebody"):
        await see(app, visitor, READ, ("x", 1))


async def test_nobody_who_answers_is_a_failure(shop: tuple[Shop, Visitor]) -> None:
    _, visitor = shop
    visitor._url = "http://127.0.0.1:1/"
    assert not (await visitor.visit(READ)).answered
    assert not visitor.busy
