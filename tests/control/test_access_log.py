"""Lines of the access log: everything that operators ask for, and nothing that a client could forge."""

import json
from typing import Any, cast

import pytest

from control.access_log import AccessLog, json_line, text_line, timestamp
from control.line_writer import LineWriter
from proxy.record import Record
from routing.reasons import Reason

RECORD = Record(
    time=1_700_000_000.25,
    client="192.0.2.7",
    request_id="r-1",
    method=b"GET",
    target=b"/cart?x=1",
    host=b"shop.example",
    minor=1,
    status=200,
    service="shop",
    node="a",
    reason=Reason.STICKY,
    flags=(3, 0, 0),
    session="session id",
    bytes_in=120,
    bytes_out=3000,
    wait_seconds=0.0001,
    first_seconds=0.0123,
    total_seconds=0.0200,
    tries=1,
    fault="",
    user_agent=b"curl/8",
    referer=b"",
    secure=False,
    trace=None,
)
REFUSED = RECORD._replace(
    service="", node="", reason=-1, flags=(), session="", wait_seconds=-1, first_seconds=-1, fault="bad_host"
)


class Lines:
    """In place of the writer."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


def test_a_readable_line() -> None:
    assert text_line(RECORD, "5e55") == (
        '2023-11-14T22:13:20.250Z 192.0.2.7 shop/a sticky VNL 200 "GET shop.example /cart?x=1 HTTP/1.1"'
        " in=120 out=3000 wait=0.1 first=12.3 total=20.0 tries=1 fault=- session=5e55 id=r-1"
        ' "" "curl/8"\n'
    )


def test_a_readable_line_of_what_never_got_anywhere() -> None:
    line = text_line(REFUSED, "")
    assert " -/- - - 200 " in line
    assert " wait=- first=- total=20.0 tries=1 fault=bad_host session=- " in line


def test_a_json_line() -> None:
    line = json_line(RECORD, "5e55")
    assert line.endswith("}\n")
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "client": "192.0.2.7",
        "service": "shop",
        "node": "a",
        "reason": "sticky",
        "flags": "VNL",
        "status": 200,
        "method": "GET",
        "host": "shop.example",
        "target": "/cart?x=1",
        "version": "1.1",
        "bytes_in": 120,
        "bytes_out": 3000,
        "wait_ms": 0.1,
        "first_ms": 12.3,
        "total_ms": 20.0,
        "tries": 1,
        "fault": "",
        "session": "5e55",
        "request_id": "r-1",
        "referer": "",
        "user_agent": "curl/8",
    }


def test_a_json_line_of_what_never_got_anywhere() -> None:
    line = json.loads(json_line(REFUSED, ""))
    assert (line["service"], line["reason"], line["flags"]) == ("", "-", "")
    assert (line["wait_ms"], line["first_ms"]) == (None, None)


def test_an_http_10_request_whose_version_is_a_flag() -> None:
    assert '"version":"1.0"' in json_line(RECORD._replace(minor=cast(int, False)), "")
    assert "HTTP/1.1" in text_line(RECORD._replace(minor=cast(int, True)), "")


EVIL = bytes(range(256))
FIELDS = ("method", "target", "host", "user_agent", "referer")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("make", [text_line, json_line])
def test_whatever_a_client_sends_stays_one_line_of_printable_ascii(field: str, make: Any) -> None:
    line = make(RECORD._replace(**{field: EVIL}), "")
    assert line[-1] == "\n"
    assert all(" " <= character <= "~" for character in line[:-1])


@pytest.mark.parametrize("field", FIELDS)
def test_a_client_cannot_end_a_field(field: str) -> None:
    honest = text_line(RECORD, "").count('"')
    assert text_line(RECORD._replace(**{field: b'x" 200 "y\\'}), "").count('"') == honest
    forged = b'","status":999,"a":"'
    line = json.loads(json_line(RECORD._replace(**{field: forged}), ""))
    assert line["status"] == 200
    assert line[field] == forged.decode()


@pytest.mark.parametrize("make", [text_line, json_line])
def test_a_request_id_of_a_proxy_before_us_is_not_trusted_with_the_line(make: Any) -> None:
    line = make(RECORD._replace(request_id='a\n"b€\ud800'), "")
    assert line.count("\n") == 1
    assert line.isascii()


@pytest.mark.parametrize("make", [text_line, json_line])
def test_long_values_are_cut(make: Any) -> None:
    assert len(make(RECORD._replace(target=b"/" * 100_000), "")) < 2000


def test_the_session_appears_under_its_pseudonym_only() -> None:
    lines = Lines()
    AccessLog("json", 1.0, cast(LineWriter, lines), lambda session: f"<{session[:1]}>", lambda: 0.0)(RECORD)
    assert json.loads(lines.lines[0])["session"] == "<s>"
    assert b"session id" not in lines.lines[0]


@pytest.mark.parametrize(("sample", "logged"), [(1.0, 4), (0.5, 2), (0.0, 0)])
def test_a_share_is_logged(sample: float, logged: int) -> None:
    lines, numbers = Lines(), iter([0.0, 0.49, 0.5, 0.99])
    log = AccessLog("text", sample, cast(LineWriter, lines), str, lambda: next(numbers))
    for _ in range(4):
        log(RECORD)
    assert len(lines.lines) == logged


def test_time_is_utc_to_the_millisecond() -> None:
    assert timestamp(1_700_000_000.9999) == "2023-11-14T22:13:20.999Z"
    assert timestamp(1_700_000_001.0) == "2023-11-14T22:13:21.000Z"
    assert timestamp(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"
