"""Reloads before a crowd of 1,000 connections and tunnels: nobody's request fails, and nobody is moved."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.control.crowd import crowd, crowd_nodes, many_files
from tests.control.process import configuration
from tests.control.test_reload import reloadable

MEMBERS, TUNNELS = 1000, 50


async def test_no_request_fails_and_no_session_moves(tmp_path: Path) -> None:
    with many_files(8192):
        async with crowd_nodes(5) as ports, reloadable(tmp_path, changed(ports[:3])) as it:
            port = int(it.url.rpartition(":")[2])
            async with crowd(port, MEMBERS) as members, crowd(port, TUNNELS) as tunnels:
                await asyncio.gather(*(tunnel.open_tunnel() for tunnel in tunnels))
                for text in (changed(ports[:3]), *changes(ports)):
                    turn = [asyncio.create_task(member.ask()) for member in members]
                    turn += [asyncio.create_task(tunnel.echo(b"words" * 100)) for tunnel in tunnels]
                    facts = await it.reload(text)
                    assert facts["ok"], facts["problems"]
                    await asyncio.gather(*turn)
                await asyncio.gather(*(member.ask() for member in members))
            assert [one.failures for one in (*members, *tunnels) if one.failures] == []
            assert [one.places for one in members if len(set(one.places)) > 1] == []
            assert {one.places[0] for one in members} == {"0", "1", "2"}
            assert await it.count('limpet_sessions_lost_total{service="shop"}') == 0


def changes(ports: list[int]) -> list[str]:
    """What an operator may do in a day, none of which is a reason for a session to move."""
    return [
        changed(ports[:4]),
        changed(ports, weights=[1, 5, 1, 1, 1], secrets=["a newer secret, long enough", SECRET]),
        changed(ports[:3], timeouts={"keep_alive": "50s"}, limits={"headers": 90}),
        changed(ports[:3], access_log={"format": "off"}, forwarded={"style": "forwarded"}),
    ]


SECRET = "a secret for the tests, long enough"


def changed(ports: list[int], weights: list[int] | None = None, **options: Any) -> str:
    file = json.loads(configuration(ports, **options))
    for node, weight in zip(file["services"]["shop"]["nodes"], weights or [], strict=False):
        node["weight"] = weight
    return json.dumps(file)
