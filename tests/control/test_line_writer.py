"""Lines reach the file, and nothing that happens to the file reaches the event loop."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from control.line_writer import LineWriter


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_lines_are_there_in_order_after_close(tmp_path: Path) -> None:
    writer = LineWriter(str(tmp_path / "log"))
    for number in range(5000):
        writer.write(b"%d\n" % number)
    writer.close()
    assert (tmp_path / "log").read_bytes() == b"".join(b"%d\n" % number for number in range(5000))
    assert writer.lost == 0


def test_lines_come_without_waiting_for_the_end(tmp_path: Path) -> None:
    writer = LineWriter(str(tmp_path / "log"))
    writer.write(b"one\n")
    wait_for(lambda: (tmp_path / "log").read_bytes() == b"one\n")
    writer.write(b"two\n")
    wait_for(lambda: (tmp_path / "log").read_bytes() == b"one\ntwo\n")
    writer.close()


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LineWriter(str(path))
    writer.write(b"old\n")
    wait_for(lambda: path.read_bytes() == b"old\n")
    path.rename(tmp_path / "log.1")
    writer.reopen()
    wait_for(path.exists)
    writer.write(b"new\n")
    writer.close()
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "log.1").read_bytes() == b"old\n"


def test_goes_on_in_the_old_file_where_no_new_one_can_be_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    writer = LineWriter(str(folder / "log"))
    folder.rename(tmp_path / "moved")
    writer.reopen()
    wait_for(lambda: "cannot reopen" in caplog.text)
    writer.write(b"still here\n")
    writer.close()
    assert (tmp_path / "moved" / "log").read_bytes() == b"still here\n"


def test_a_full_disk_costs_lines_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    writer = LineWriter("/dev/full")
    writer.write(b"lost\n")
    writer.write(b"lost too\n")
    wait_for(lambda: writer.lost == 2)
    writer.close()
    assert "2 lines of the access log are lost: No space left on device" in caplog.text


def test_a_reader_that_stalls_blocks_nobody(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = LineWriter(str(fifo), limit=100)
    line = b"x" * 9_999 + b"\n"
    begun = time.monotonic()
    for _ in range(1000):
        writer.write(line)
    writer.close(timeout=0.2)
    assert time.monotonic() - begun < 30
    assert writer._overflowed >= 800
    drained = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reader, 1 << 16), b"")])
    os.set_blocking(reader, True)
    drained.start()
    writer.close()
    drained.join()
    os.close(reader)


def test_a_line_cut_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, script = os.write, [3, -1]

    def filling(file: int, data: bytes) -> int:
        step = script.pop(0) if script else None
        if step == -1:
            raise OSError(28, "No space left on device")
        return real(file, bytes(data)[:step])

    writer = LineWriter(str(tmp_path / "log"))
    monkeypatch.setattr("control.line_writer.os.write", filling)
    writer.write(b"first\n")
    wait_for(lambda: writer.lost == 1)
    writer.write(b"second\n")
    writer.close()
    assert (tmp_path / "log").read_bytes() == b"fir\nsecond\n"


def test_what_comes_while_the_last_write_is_under_way_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, writing, go_on = os.write, threading.Event(), threading.Event()

    def slow(file: int, data: bytes) -> int:
        writing.set()
        go_on.wait(60)
        return real(file, data)

    monkeypatch.setattr("control.line_writer.os.write", slow)
    writer = LineWriter(str(tmp_path / "log"))
    writer.write(b"first\n")
    assert writing.wait(60)
    writer.write(b"second\n")
    writer.close(timeout=0.01)
    go_on.set()
    writer.close()
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LineWriter(str(tmp_path / "no" / "log"))


def test_what_goes_to_a_pipe_that_others_write_to_comes_in_whole_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    writer = LineWriter(f"/dev/fd/{writing}", shared=True)
    sizes: list[int] = []
    most = writer._most

    def noted(left: memoryview) -> int:
        sizes.append(most(left))
        return sizes[-1]

    monkeypatch.setattr(writer, "_most", noted)
    lines = [b"%d %s\n" % (number, b"x" * (number % 300)) for number in range(300)]
    for line in [*lines, b"y" * 9000 + b"\n"]:
        writer.write(line)
    seen = bytearray()
    while len(seen) < sum(map(len, lines)) + 9001:
        seen += os.read(reading, 65536)
    writer.close()
    os.close(reading)
    os.close(writing)
    assert bytes(seen) == b"".join(lines) + b"y" * 9000 + b"\n"
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    assert all(seen[end - 1 : end] == b"\n" for end in ends)
    assert max(sizes[:-1]) <= 4096 < sizes[-1]
