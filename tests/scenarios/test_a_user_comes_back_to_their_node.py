"""A user who has a token is served by the node that it names, on any connection."""

from tests.scenarios.harness import cookie_of, named_node, running_proxy, service


async def test_every_request_with_the_cookie_goes_to_one_node() -> None:
    nodes = [named_node(name) for name in "abc"]
    for node in nodes:
        await node.start()
    async with running_proxy({"shop": service([node.port for node in nodes])}) as proxy:
        wire = await proxy.connect()
        wire.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head, first = await wire.read_response()
        cookie = cookie_of(head)
        for _ in range(10):
            wire.write(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + b"\r\n\r\n")
            head, body = await wire.read_response()
            assert (head[:15], body) == (b"HTTP/1.1 200 OK", first)
            assert b"Set-Cookie" not in head
        await wire.close()
        for _ in range(10):
            answer = await proxy.ask(b"GET / HTTP/1.0\r\nCookie: " + cookie + b"\r\n\r\n")
            assert answer.endswith(b"\r\n\r\n" + first)
    for node in nodes:
        await node.stop()
