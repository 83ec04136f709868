"""Who may call the admin port: with and without a token, by which names, from which pages."""

from base64 import b64encode

import pytest

from control.attempts import MOST
from control.guard import local
from routing.states import Mode
from tests.control.admin import DRAIN, MakeClient, app_of, get, post
from tests.control.settings import runtime

TOKEN = b"a token for the tests"
BEARER = {"Authorization": f"Bearer {TOKEN.decode()}"}
PATHS = ["/", "/metrics", "/api/nodes", "/api/services"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1:9900", "localhost", "[::1]:9900", "127.8.8.8"])
async def test_without_a_token_this_machine_may_call(
    aiohttp_client: MakeClient, path: str, host: str
) -> None:
    client = await aiohttp_client(app_of(runtime()))
    assert (await get(client, path, Host=host))[0] == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9900", "192.0.2.1"]
)
async def test_a_name_that_was_made_to_mean_this_machine_may_not(
    aiohttp_client: MakeClient, path: str, host: str
) -> None:
    client = await aiohttp_client(app_of(runtime()))
    status, answer = await get(client, path, Host=host)
    assert status == 403
    assert "loopback" in answer["error"]


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_origin_may_change_nothing(
    aiohttp_client: MakeClient, origin: str, token: bytes | None
) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running, token))
    status, answer = await post(client, DRAIN, Origin=origin, **(BEARER if token else {}))
    assert (status, answer["error"]) == (403, "a page of another origin may not change anything here")
    assert running.cluster.watches["shop"].health.nodes[1].mode is Mode.READY


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_page_of_this_origin_may_where_there_is_a_token(
    aiohttp_client: MakeClient, scheme: str
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    page = {"Origin": f"{scheme}://127.0.0.1:{client.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await post(client, DRAIN, **BEARER, **page))[0] == 200


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_the_browser_says_of_the_page_counts_too(
    aiohttp_client: MakeClient, site: str, token: bytes | None
) -> None:
    client = await aiohttp_client(app_of(runtime(), token))
    page = {"Sec-Fetch-Site": site}
    assert (await post(client, DRAIN, **page, **(BEARER if token else {})))[0] == 403


async def test_without_a_token_no_page_changes_anything_but_it_may_ask(aiohttp_client: MakeClient) -> None:
    running = runtime()
    client = await aiohttp_client(app_of(running))
    page = {"Origin": f"http://127.0.0.1:{client.port}", "Sec-Fetch-Site": "same-origin"}
    status, answer = await post(client, DRAIN, **page)
    assert (status, answer["error"]) == (403, "a page may change something only where `admin.token` is set")
    assert running.cluster.watches["shop"].health.nodes[1].mode is Mode.READY
    assert (await post(client, "/api/explain", {"session": "x"}, **page))[0] == 200


async def test_who_shows_wrong_tokens_has_to_wait(
    aiohttp_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    for number in range(MOST):
        assert (await get(client, "/metrics", Authorization=f"Bearer wrong {number}"))[0] == 401
        assert (await get(client, "/metrics"))[0] in (401, 429)  # none at all costs nothing
    async with client.get("/metrics", headers=BEARER) as response:
        assert (response.status, 0 < int(response.headers["Retry-After"]) <= 6) == (429, True)
        assert "too many wrong tokens" in (await response.json())["error"]
    assert (await get(client, "/healthz"))[0] == 200
    assert "too many wrong admin tokens from 127.0.0.1" in caplog.text
    assert "wrong 0" not in caplog.text


@pytest.mark.parametrize("path", [*PATHS, "/nowhere"])
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer a token for the test",
        "Bearer a token for the tests2",
        "Basic !!!",
        "Basic " + b64encode(TOKEN).decode(),
        "Bearer \udcff",
        "Digest a token for the tests",
    ],
)
async def test_a_token_is_needed_where_one_is_set(
    aiohttp_client: MakeClient, path: str, authorization: str
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    async with client.get(path, headers={"Authorization": authorization}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        assert "token" in (await response.json())["error"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", [BEARER["Authorization"], "Basic " + b64encode(b"anybody:" + TOKEN).decode()]
)
async def test_the_token_opens_from_anywhere(
    aiohttp_client: MakeClient, path: str, authorization: str
) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    assert (await get(client, path, Authorization=authorization, Host="limpet.internal:9900"))[0] == 200


async def test_the_token_is_compared_in_constant_time(
    aiohttp_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(shown: bytes, token: bytes) -> bool:
        compared.append((shown, token))
        return False

    monkeypatch.setattr("control.guard.hmac.compare_digest", compare)
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    assert (await get(client, "/metrics", **BEARER))[0] == 401
    assert compared == [(TOKEN, TOKEN)]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_open_to_everybody(aiohttp_client: MakeClient, path: str) -> None:
    client = await aiohttp_client(app_of(runtime(), TOKEN))
    assert (await get(client, path, Host="anything.example"))[0] == 200


NO_HOSTS = ["", ":", "[", "[::1", "localhost:port", "user@", "127.0.0.1@evil.example", "/", "\x00"]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_host_that_is_none_is_not_this_machine(host: str) -> None:
    assert not local(host)
