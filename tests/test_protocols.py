"""Connections have all of `asyncio.Protocol` without inheriting it, so that they can be compiled."""

import asyncio

import pytest

from proxy.client import Client
from proxy.upstream import Upstream
from sessions.keeping.channel import Connection


@pytest.mark.parametrize("connection", [Client, Upstream, Connection])
def test_all_that_the_loop_may_call_is_there(connection: type) -> None:
    called = {name for name in dir(asyncio.Protocol) if not name.startswith("_")}
    assert called == {
        "connection_made",
        "connection_lost",
        "data_received",
        "eof_received",
        "pause_writing",
        "resume_writing",
    }
    assert called <= set(dir(connection))
