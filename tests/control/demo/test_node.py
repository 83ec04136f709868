"""The demo's app server counts each visitor, and forgets all of them when it starts anew."""

from pytest_aiohttp.plugin import AiohttpClient

from control.demo.node import make_app


async def test_each_visitor_has_a_counter(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(make_app("a"))
    first = await (await client.post("/visit")).json()
    second = await (await client.post("/visit")).json()
    assert (first["node"], first["count"], first["fresh"]) == ("a", 1, True)
    assert (second["count"], second["fresh"]) == (2, False)
    client.session.cookie_jar.clear()
    assert (await (await client.post("/visit")).json())["count"] == 1
    assert await (await client.get("/stats")).json() == {"sessions": 2, "visits": 3}


async def test_a_visitor_of_another_process_starts_again_with_a_new_cookie(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await aiohttp_client(make_app("a"))
    answer = await client.post("/visit", cookies={"visitor": "of-another-node"})
    assert (await answer.json())["fresh"] is True
    assert answer.cookies["visitor"].value != "of-another-node"


async def test_the_page_and_its_health(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(make_app("a"))
    page = await client.get("/")
    assert page.content_type == "text/html"
    assert "/demo/state" in await page.text()
    assert (await client.get("/healthz")).status == 200
