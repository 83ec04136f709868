"""A user of the sessions' bench takes no answer but the one that its own writes have made."""

from collections.abc import Sequence
from contextlib import closing

import pytest

from bench.answers import mark
from bench.client import WrongAnswer
from bench.load import Load
from bench.sessions.browser import READ, Browser
from bench.work import Work
from tests.bench.scripted import scripted

ONE = Work("one user", READ.path, 1)


def answer(count: int | str, fields: bytes = b"", node: str = "n1") -> bytes:
    body = mark(node) + str(count).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n" % (len(body), fields) + body


def user(pieces: Sequence[bytes], requests: int) -> Browser:
    with scripted(pieces) as port, closing(Load(port, ONE, Browser)) as load:
        load.saturate(5, requests)
        (browser,) = load.clients.values()
        assert isinstance(browser, Browser)
        return browser


def test_a_session_begins_with_a_write_and_counts_its_writes() -> None:
    browser = user([answer(1)] * 2, 1)
    assert browser.count == 1
    assert [wrote for wrote, _ in browser.took] == [True]


@pytest.mark.parametrize("first", [0, 2, "", "1x"])
def test_another_count_ends_the_run(first: int | str) -> None:
    with pytest.raises(WrongAnswer):
        user([answer(first)] * 2, 1)


def test_a_cookie_stays_until_another_of_its_name_comes() -> None:
    both = b"Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"
    browser = user([answer(1, both), answer(1, b"Set-Cookie: a=3\r\n"), answer(1)], 1)
    assert browser.cookie == b"a=1; b=2"
    browser.recognise(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=3; Path=/", mark("n2"))
    assert (browser.cookie, browser.moved) == (b"a=3; b=2", 1)
    assert b"\r\nCookie: a=3; b=2\r\n" in browser.template and b"\r\nCookie: a=3; b=2\r\n" in browser.writes
