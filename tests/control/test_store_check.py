"""What `limpet check` says of the stores of a file."""

import json
import re
from pathlib import Path
from typing import Any

from config.settings import Settings
from control.store_check import check_stores
from sessions.stores.embedded_file import SessionFile
from tests.control.process import command, configuration, running
from tests.control.settings import service
from tests.sessions.stores.processes import RedisProcess

KEYS = ["a-key-of-sixteen-bytes-or-more"]


def settings(store: dict[str, Any], **more: Any) -> Settings:
    services = {"shop": service(sessions={"strategy": "store", "store": "main"})}
    return Settings.model_validate(
        {"node_keys": KEYS, "stores": {"main": store, **more}, "services": services}
    )


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    [report] = check_stores(settings({"embedded": str(path)}))
    assert report == (f"store main: {path} is not there yet: `limpet run` makes it", [])
    assert not path.exists()


def test_a_file_that_is_there_answers(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    SessionFile(path, "NORMAL", 1.0).close()
    assert check_stores(settings({"embedded": str(path)})) == [(f"store main: {path} answers", [])]


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_text("this is no database, and long enough to be told from one " * 20)
    [report] = check_stores(settings({"embedded": str(path)}))
    assert report.found == f"store main: {path} cannot be used"
    assert len(report.warnings) == 1


def test_a_server_that_is_down_is_a_warning_and_its_password_is_not_shown() -> None:
    [report] = check_stores(settings({"redis": "redis://:hunter2@127.0.0.1:1/0", "timeout": 0.5}))
    assert report.found == "store main: redis://***@127.0.0.1:1/0 does not answer"
    assert report.warnings == ["store main: cannot connect to 127.0.0.1:1: Connection refused"]
    assert "hunter2" not in str(report)


async def test_how_a_server_can_lose_sessions_is_said_by_check_and_at_the_start(tmp_path: Path) -> None:
    memory = ("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    redis = RedisProcess(tmp_path / "redis", "--save", "", *memory)
    place = f"127.0.0.1:{redis.port}"
    said = [
        f"store main: {place}: maxmemory-policy is allkeys-lru: when memory runs out it throws sessions away",
        f"store main: {place}: it keeps nothing on disk: a restart loses what only it holds",
    ]
    try:
        stores, sessions = {"main": {"redis": redis.url}}, {"strategy": "store", "store": "main"}
        file = json.loads(configuration([1, 2], node_keys=KEYS, stores=stores))
        file["services"]["shop"]["sessions"] = sessions
        async with running(tmp_path, json.dumps(file)) as limpet:
            for sentence in said:
                await limpet.says(re.escape(f"WARNING limpet.stores: {sentence}"))
        code, _, err = await command(tmp_path, "check", "-c", str(tmp_path / "proxy.yaml"))
    finally:
        redis.stop()
    assert code == 0
    assert [f"warning: {sentence}" in err for sentence in said] == [True, True]


def test_stores_that_nobody_names_are_not_asked(tmp_path: Path) -> None:
    spare = {"embedded": str(tmp_path / "spare.db")}
    reports = check_stores(settings({"embedded": str(tmp_path / "s.db")}, spare=spare))
    assert len(reports) == 1
