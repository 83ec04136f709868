"""Many connections say the very same: each node still hears who each of them is, and a reload changes all."""

from tests.scenarios.harness import Recorder, RunningProxy, cookie_of, header, proxied

ADDRESSES = ("127.0.0.1", "127.0.0.2")


async def ask(proxy: RunningProxy, address: str, request: bytes) -> bytes:
    """On a connection of its own, from this address; the answer's head."""
    wire = await proxy.connect(local_addr=(address, 0))
    head, _ = await wire.exchange(request)
    await wire.close()
    return head


async def test_each_has_its_own_address_and_session() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        first = await ask(proxy, ADDRESSES[0], b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        own = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: %b\r\n\r\n" % cookie_of(first)
        node.requests.clear()
        for turn in range(4):
            for address in ADDRESSES:
                assert not header(await ask(proxy, address, own), b"Set-Cookie"), turn
        said = [header(head, b"X-Forwarded-For") for head in node.heads]
        assert said == [[address.encode()] for address in ADDRESSES] * 4
        ids = [header(head, b"X-Request-Id")[0] for head in node.heads]
        assert len(set(ids)) == len(ids)


async def test_strangers_that_say_the_same_are_each_given_a_session_of_their_own() -> None:
    async with proxied(Recorder()) as proxy:
        request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        cookies = {cookie_of(await ask(proxy, ADDRESSES[0], request)) for _ in range(5)}
        assert len(cookies) == 5


async def test_nothing_is_known_after_the_routes_have_changed() -> None:
    async with proxied(Recorder()) as proxy:
        engine = proxy.engine
        request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for _ in range(3):
            await ask(proxy, ADDRESSES[0], request)
        section = request[request.index(b"Host") :]
        assert engine.legacy.find(section) is not None
        engine.lead(engine.routes)
        assert engine.legacy.find(section) is None
