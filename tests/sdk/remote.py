"""A node in a process of its own, asked as the proxy asks; each test has sessions of its own there."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from config.addresses import NodeUrl
from control.conformance.examine import Finding, Verdict, examine
from control.conformance.subject import Paths, Subject
from limpet_session.node import random_id
from tests.examples.running import Running, free_port, running
from tests.sdk.nodes import KEY, TTL

# Beside the other packages, one of which does not go with it: tests/install.sh puts it there.
GEVENT = {"PYTHONPATH": f"{sys.prefix}/gevent"}
PATIENCE = 60.0  # seconds that anything may take


class Remote:
    """A node by its URL."""

    process: Running

    def __init__(self, url: str, sessions_url: str = "") -> None:
        self.url = url
        self.sessions_url = sessions_url or url
        # Servers close a connection after an error, which a client that uses it again may find out too late.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE, limits=limits)

    def wrong(self, **paths: str) -> list[Finding]:
        """What `limpet contract` has to say against it, or cannot try; `paths`: what the app can be asked."""
        urls = NodeUrl.parse(self.url), NodeUrl.parse(self.sessions_url)
        subject = Subject(urls[0], KEY, Paths(**paths), urls[1])
        return [finding for finding in examine(subject) if finding.verdict is not Verdict.FINE]

    def call(self, method: str, path: str, content: bytes = b"", **fields: object) -> httpx.Response:
        """Of the endpoint."""
        headers = {f"Limpet-{name}": str(value) for name, value in {"Key": KEY, **fields}.items()}
        url = f"{self.sessions_url}/.limpet/sessions{path}"
        return self.http.request(method, url, headers=headers, content=content)


class User:
    """Somebody with a session at a node. `version`: the last one seen; 0: it is new."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.id = random_id()
        self.version = 0

    def ask(
        self,
        path: str,
        method: str = "POST",
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> httpx.Response:
        """A request; `fields` by name without `Limpet-`. What the answer says of the session is followed."""
        told = {"Key": KEY, "Session": self.id, "Version": self.version, "TTL": TTL, **fields}
        sent = {f"Limpet-{name}": str(value) for name, value in told.items()} | dict(headers or {})
        answer = self.remote.http.request(method, path, headers=sent, data=data)
        if answer.status_code < 400:
            self.id = answer.headers.get("limpet-renew", self.id)
            self.version = max(self.version, int(answer.headers["limpet-version"]))
        return answer

    def held(self) -> tuple[int, Any]:
        """Version and data, as the endpoint tells them."""
        answer = self.remote.call("GET", f"/{self.id}")
        assert answer.status_code == 200, answer
        return int(answer.headers["limpet-version"]), json.loads(answer.content or b"{}")

    def ended(self, session_id: str = "") -> bool:
        return self.remote.call("GET", f"/{session_id or self.id}").status_code == 410

    def together(self, *paths: str) -> list[httpx.Response]:
        """All at once, each with the version that is known now."""
        version = self.version
        with ThreadPoolExecutor(len(paths)) as threads:
            return list(threads.map(lambda path: self.ask(path, Version=version), paths))


@contextmanager
def remote(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, *, endpoint: bool = False
) -> Iterator[Remote]:
    """A node that is started by this command, in which `{port}` is where it has to listen.

    `endpoint`: it has one of its own.
    """
    port, other = free_port(), free_port()
    if endpoint:
        env = {"LIMPET_ENDPOINT": f"127.0.0.1:{other}", **(env or {})}
    words = [sys.executable, *(word.format(port=port) for word in command)]
    with running(words, log, env) as process:
        process.serves(f"http://127.0.0.1:{port}/healthz")
        node = Remote(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}" if endpoint else "")
        node.process = process
        try:
            yield node
        finally:
            node.http.close()
