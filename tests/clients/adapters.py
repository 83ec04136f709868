"""curl, requests, httpx and Node's fetch behind one interface: each with its cookies and connections."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import httpx
import requests

FETCH = Path(__file__).with_name("fetch.mjs")
TIMEOUT_SECONDS = 60


class Ask(NamedTuple):
    """A request; `chunked` sends the body without saying its length."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    chunked: bool = False
    follow: bool = False


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]  # names in lower case
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    def json(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(self.body)
        return told


class Client(Protocol):
    """A person's program: requests one after another, as one user."""

    name: str
    decodes: bool  # it shows a gzipped body unpacked, and cannot be asked not to

    def send(self, url: str, *asks: Ask) -> list[Reply]: ...

    def lines(self, url: str) -> Iterator[str]:
        """The lines of an answer, each as soon as it is there."""
        ...


def pieces(body: bytes) -> Iterator[bytes]:
    """A body in pieces, so that the client cannot know its length."""
    for start in range(0, len(body), 50_000):
        yield body[start : start + 50_000]


class Requests:
    name = "requests"
    decodes = False

    def send(self, url: str, *asks: Ask) -> list[Reply]:
        with requests.Session() as session:
            session.trust_env = False
            return [self._one(session, url, ask) for ask in asks]

    def _one(self, session: requests.Session, url: str, ask: Ask) -> Reply:
        body = pieces(ask.body or b"") if ask.chunked else ask.body
        with session.request(
            ask.method,
            url + ask.path,
            headers=dict(ask.headers),
            data=body,
            allow_redirects=ask.follow,
            stream=True,
            timeout=TIMEOUT_SECONDS,
        ) as answer:
            raw = answer.raw.read(decode_content=False)
            headers = [(name.lower(), value) for name, value in answer.raw.headers.items()]
            return Reply(answer.status_code, headers, raw)

    def lines(self, url: str) -> Iterator[str]:
        with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            for line in answer.iter_lines(chunk_size=1):
                yield line.decode()


class Httpx:
    name = "httpx"
    decodes = False

    def send(self, url: str, *asks: Ask) -> list[Reply]:
        with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            return [self._one(client, ask) for ask in asks]

    def _one(self, client: httpx.Client, ask: Ask) -> Reply:
        content = pieces(ask.body or b"") if ask.chunked else ask.body
        request = client.build_request(ask.method, ask.path, headers=dict(ask.headers), content=content)
        answer = client.send(request, stream=True, follow_redirects=ask.follow)
        try:
            raw = b"".join(answer.iter_raw())
        finally:
            answer.close()
        headers = [(name.lower(), value) for name, value in answer.headers.multi_items()]
        return Reply(answer.status_code, headers, raw)

    def lines(self, url: str) -> Iterator[str]:
        with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, trust_env=False) as answer:
            yield from answer.iter_lines()


class Curl:
    name = "curl"
    decodes = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, url: str, *asks: Ask) -> list[Reply]:
        """One curl for all, so that it may use one connection for all."""
        command = ["curl"]
        for number, ask in enumerate(asks):
            command += ["--next"] * bool(number) + self._options(number, ask) + [url + ask.path]
        subprocess.run(command, check=True, timeout=TIMEOUT_SECONDS, capture_output=True)
        return [self._reply(number, ask) for number, ask in enumerate(asks)]

    def _options(self, number: int, ask: Ask) -> list[str]:
        jar = str(self._directory / "jar")
        options = ["-sS", "--http1.1", "--noproxy", "*", "-b", jar, "-c", jar]
        options += ["-o", str(self._file("body", number)), "-D", str(self._file("head", number))]
        options += ["-I"] if ask.method == "HEAD" else ["-X", ask.method]
        for name, value in ask.headers.items():
            options += ["-H", f"{name}: {value}"]
        if ask.body is not None:
            file = self._file("upload", number)
            file.write_bytes(ask.body)
            options += ["--data-binary", f"@{file}", "-H", "Content-Type: application/octet-stream"]
        options += ["-H", "Transfer-Encoding: chunked"] * ask.chunked + ["-L"] * ask.follow
        return options

    def _reply(self, number: int, ask: Ask) -> Reply:
        """The last head: an interim answer's and a redirect's come before it."""
        head = self._file("head", number).read_bytes().decode("latin-1").strip().split("\r\n\r\n")[-1]
        status_line, *lines = head.split("\r\n")
        headers = [(name.lower(), value.strip()) for name, _, value in (li.partition(":") for li in lines)]
        body = self._file("body", number)
        # With -I curl writes the head where the body would go; without a body it writes no file.
        raw = body.read_bytes() if ask.method != "HEAD" and body.exists() else b""
        return Reply(int(status_line.split()[1]), headers, raw)

    def _file(self, what: str, number: int) -> Path:
        return self._directory / f"{what}-{number}"

    def lines(self, url: str) -> Iterator[str]:
        with reading(["curl", "-sSN", "--http1.1", "--noproxy", "*", url]) as process:
            yield from lines_of(process)


class NodeFetch:
    name = "fetch"
    decodes = True

    def send(self, url: str, *asks: Ask) -> list[Reply]:
        orders = [{**ask._asdict(), "headers": dict(ask.headers), "body": packed(ask.body)} for ask in asks]
        done = subprocess.run(
            ["node", str(FETCH), "send", url],
            input=json.dumps(orders).encode(),
            check=True,
            timeout=TIMEOUT_SECONDS,
            stdout=subprocess.PIPE,
        )
        return [
            Reply(it["status"], [(n, v) for n, v in it["headers"]], base64.b64decode(it["body"]))
            for it in json.loads(done.stdout)
        ]

    def lines(self, url: str) -> Iterator[str]:
        with reading(["node", str(FETCH), "lines", url]) as process:
            yield from lines_of(process)


def packed(body: bytes | None) -> str | None:
    return None if body is None else base64.b64encode(body).decode()


@contextmanager
def reading(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process whose output is read while it runs; it must end well, or is ended."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
        assert process.wait(TIMEOUT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def lines_of(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.decode().rstrip("\n")
