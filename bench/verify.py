"""Whether a contender is worth timing: right answers, whole uploads, and every cookie back to its node."""

import http.client
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from bench.answers import BODIES, MARK, NAMES, UPLOAD, body, mark
from bench.client import WrongAnswer, own_address

MARKS = {mark(name): name for name in NAMES}
VISITORS = 12  # chance alone does not send so many to one node of three


@dataclass(frozen=True, slots=True)
class Features:
    """What a contender does for a request besides passing it on, as seen at the node."""

    forwarded: tuple[str, ...]  # the fields it added
    hides_cookie: bool
    cookie: str  # a sample of what the client holds

    def described(self) -> str:
        hidden = "its cookie hidden from the node" if self.hides_cookie else "its cookie shown to the node"
        name = self.cookie.partition("=")[0]
        return f"adds {', '.join(self.forwarded)}; {hidden}; cookie `{name}`, {len(self.cookie)} bytes"


def ask(
    port: int, method: str, path: str, cookie: str = "", upload: bytes | None = None, number: int = 0
) -> tuple[bytes, str]:
    """One exchange on a connection of its own: the body, and the cookies set. Raises WrongAnswer.

    `number` chooses the client's address.
    """
    source = (own_address(number), 0)
    headers = {"Host": "bench.example"} | ({"Cookie": cookie} if cookie else {})
    with closing(http.client.HTTPConnection("127.0.0.1", port, 10, source)) as connection:
        connection.request(method, path, body=upload, headers=headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise WrongAnswer(f"{method} {path}: {response.status} {content[:200]!r}")
        cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])]
    return content, "; ".join(cookies)


def check(port: int) -> Features:
    """Raises WrongAnswer where a contender does not do the work that is to be timed."""
    visitors = [ask(port, "GET", "/64", number=number) for number in range(VISITORS)]
    if len({content[:MARK] for content, _ in visitors}) < 2:
        raise WrongAnswer("all new visitors went to one node")
    for content, cookie in visitors[:4]:
        if not cookie:
            raise WrongAnswer("a new visitor got no cookie")
        check_visitor(port, cookie, content[:MARK])
    return seen_by_node(port, visitors[0][1])


def check_visitor(port: int, cookie: str, home: bytes) -> None:
    """Every kind of work of one visitor: answered whole, by the node of the cookie."""
    for path in BODIES:
        for _ in range(3):
            content, again = ask(port, "GET", path.decode(), cookie)
            if content != body(MARKS[home], path):
                raise WrongAnswer(f"{path.decode()}: not the answer of {home!r}: {content[:64]!r}")
            if again:
                raise WrongAnswer(f"a cookie that is good was set again: {again!r}")
    content, _ = ask(port, "POST", "/upload", cookie, b"u" * UPLOAD)
    if content not in (home + b"%d" % UPLOAD, home + b"chunked"):
        raise WrongAnswer(f"the upload did not arrive whole: {content!r}")


def seen_by_node(port: int, cookie: str) -> Features:
    """The request head as it reached the node."""
    content, _ = ask(port, "GET", "/echo", cookie)
    lines: Sequence[str] = content[MARK:].decode("latin-1").split("\r\n")
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    if "x-forwarded-for" not in names:
        raise WrongAnswer("the node was not told the client's address")
    known = {"host", "cookie", "connection", "accept-encoding", "accept", "user-agent", "content-length"}
    return Features(tuple(sorted(names - known)), "cookie" not in names, cookie)
