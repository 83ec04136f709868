"""People with browsers, who use an example app through Limpet."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import httpx

MOST_USERS = 60


class Seen(NamedTuple):
    """What the app knows of a user, and which node says so."""

    node: str
    count: int
    user: str | None


class User:
    """A person with a browser and an address of their own."""

    def __init__(self, number: int, url: str) -> None:
        self.name = f"user-{number}"
        # Newcomers of one address go to one node for a while: each user comes from another 127.0.x.y.
        address = f"127.0.2.{number + 1}"
        self.browser = httpx.Client(
            base_url=url,
            transport=httpx.HTTPTransport(local_address=address),
            follow_redirects=True,
            timeout=60,
        )
        self.before = self.visit()

    def visit(self) -> Seen:
        self.browser.get("/").raise_for_status()
        return self.look()

    def look(self) -> Seen:
        return Seen(**self.browser.get("/session").raise_for_status().json())

    def login(self) -> Seen:
        self.browser.post("/login", data={"user": self.name}).raise_for_status()
        return self.look()

    def logout(self) -> Seen:
        answer = self.browser.post("/logout").raise_for_status()
        return Seen(**answer.json())


def crowd(url: str, stack: ExitStack) -> list[User]:
    """As many users as it takes until each node has two of them."""
    users: list[User] = []
    while any([user.before.node for user in users].count(node) < 2 for node in "abc"):
        assert len(users) < MOST_USERS, "a node gets no new users"
        user = User(len(users), url)
        stack.callback(user.browser.close)
        users.append(user)
    return users


def together(users: Sequence[User], method: str) -> list[Seen]:
    """All users at once."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda user: getattr(user, method)(), users))
