"""curl, requests, httpx and Node's fetch get through Limpet what they would get from the node itself."""

import gzip
import hashlib
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.clients.adapters import Ask, Client
from tests.clients.conftest import Site
from tests.clients.node import TEXT, pattern
from tests.clients.relay import relay

TEN_MEGABYTES = 10_000_000


def test_a_get_arrives_whole(site: Site, client: Client) -> None:
    [reply] = client.send(site.limpet.url, Ask("/echo?a=1&b=%C3%A9+x", headers={"X-Test": "one, two"}))
    told = reply.json()
    assert (reply.status, told["method"], told["target"]) == (200, "GET", "/echo?a=1&b=%C3%A9+x")
    headers = told["headers"]
    assert isinstance(headers, list)
    assert ["x-test", "one, two"] in headers
    assert ["host", f"127.0.0.1:{site.limpet.port}"] in headers
    assert ["x-forwarded-for", "127.0.0.1"] in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_arrives_whole(site: Site, client: Client, method: str) -> None:
    [reply] = client.send(site.limpet.url, Ask("/echo", method, body=b"tide=in&rock=wet"))
    told = reply.json()
    assert (reply.status, told["method"], told["body"]) == (200, method, "tide=in&rock=wet")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_ten_megabytes_up(site: Site, client: Client, chunked: bool) -> None:
    body = pattern(TEN_MEGABYTES)
    [reply] = client.send(site.limpet.url, Ask("/upload", "POST", body=body, chunked=chunked))
    assert reply.json() == {
        "size": TEN_MEGABYTES,
        "sha256": hashlib.sha256(body).hexdigest(),
        "chunked": chunked,
    }


def test_ten_megabytes_down(site: Site, client: Client) -> None:
    [reply] = client.send(site.limpet.url, Ask(f"/download?size={TEN_MEGABYTES}"))
    assert reply.values("content-length") == [str(TEN_MEGABYTES)]
    assert reply.body == pattern(TEN_MEGABYTES)


def test_chunks_both_ways(site: Site, client: Client) -> None:
    body = pattern(300_000)
    [reply] = client.send(site.limpet.url, Ask("/chunks", "POST", body=body, chunked=True))
    assert reply.status == 200
    assert reply.values("content-length") == []
    assert reply.body == body


def test_an_event_is_not_held_back(site: Site, client: Client) -> None:
    key = f"held-{client.name}"
    lines = client.lines(f"{site.limpet.url}/events?key={key}")
    assert next(lines) == "data: first"  # the node sends the second only after this
    for port in site.nodes.values():
        httpx.post(f"http://127.0.0.1:{port}/release?key={key}", timeout=60).raise_for_status()
    assert [line for line in lines if line] == ["data: second"]


def test_a_head_has_no_body_and_the_connection_goes_on(site: Site, client: Client) -> None:
    head, after = client.send(site.limpet.url, Ask("/download?size=5000", "HEAD"), Ask("/echo"))
    assert (head.status, head.values("content-length"), head.body) == (200, ["5000"], b"")
    assert after.status == 200


def test_no_content_and_the_connection_goes_on(site: Site, client: Client) -> None:
    nothing, after = client.send(site.limpet.url, Ask("/nothing"), Ask("/echo"))
    assert (nothing.status, nothing.body) == (204, b"")
    assert nothing.values("transfer-encoding") == nothing.values("content-length") == []
    assert after.status == 200


def test_a_redirect_is_passed_on(site: Site, client: Client) -> None:
    [seen] = client.send(site.limpet.url, Ask("/redirect"))
    assert (seen.status, seen.values("location")) == (302, ["/echo?redirected"])
    [followed] = client.send(site.limpet.url, Ask("/redirect", follow=True))
    assert (followed.status, followed.json()["target"]) == (200, "/echo?redirected")


def test_a_compressed_body_passes_untouched(site: Site, client: Client) -> None:
    [reply] = client.send(site.limpet.url, Ask("/zipped", headers={"Accept-Encoding": "gzip"}))
    assert reply.values("content-encoding") == ["gzip"]
    assert reply.body == (TEXT if client.decodes else gzip.compress(TEXT, mtime=0))


def test_cookies_come_and_go_and_limpets_is_not_shown_to_the_app(site: Site, client: Client) -> None:
    first, second = client.send(site.limpet.url, Ask("/cookies"), Ask("/cookies"))
    given = " | ".join(first.values("set-cookie"))
    assert "one=1; Path=/" in given
    assert "two=2; HttpOnly; Path=/; SameSite=Lax" in given
    assert "limpet_app=" in given
    assert "limpet_app" not in " | ".join(second.values("set-cookie"))
    assert (first.json(), second.json()) == ({}, {"one": "1", "two": "2"})


def test_one_connection_and_one_node_serve_a_user(site: Site, client: Client) -> None:
    with relay(site.limpet.port) as counted:
        replies = client.send(counted.url, *[Ask("/echo")] * 8)
        assert counted.connections == 1
    assert len({str(reply.json()["node"]) for reply in replies}) == 1


def test_curl_is_told_to_go_on_before_it_sends(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "upload"
    file.write_bytes(pattern(TEN_MEGABYTES))
    command = ["curl", "-sv", "--http1.1", "--noproxy", "*", "--expect100-timeout", "50"]
    command += ["-H", "Expect: 100-continue", "--data-binary", f"@{file}", f"{site.limpet.url}/upload"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    heard = done.stderr.decode(errors="replace")
    assert heard.index("< HTTP/1.1 100 Continue") < heard.index("< HTTP/1.1 200 OK")
    assert f'"size": {TEN_MEGABYTES}'.encode() in done.stdout
