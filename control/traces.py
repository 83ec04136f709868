"""Sends spans while the event loop never waits: a thread does, and what is too much is lost."""

import collections
import logging
from collections.abc import Callable
from typing import Protocol

from config.log_settings import Tracing as TracingSettings
from control.gathering import Gathering
from proxy.record import Record
from proxy.tracing import Tracing

logger = logging.getLogger("limpet.tracing")

GATHER_SECONDS = 0.5  # how long spans gather before they are sent
MOST_WAITING = 2048  # the SDK's own bound, too
BATCH = 32  # encoding a span takes 90 us of the interpreter, which requests then get by turns: 3 ms of it


class TracingError(Exception):
    """Spans cannot be sent: the message says why."""


class Counts:
    """Of spans, over all reloads. `lost`: there were too many, or the collector did not take them."""

    def __init__(self) -> None:
        self.sent = 0
        self.failed = 0  # written by the sender's thread only
        self.overflowed = 0  # written by the event loop's thread only

    @property
    def lost(self) -> int:
        return self.failed + self.overflowed


class Exporting(Protocol):
    """The way to a collector."""

    def send(self, records: list[Record]) -> str:
        """Why it could not be done, "" where it was."""

    def close(self) -> None:
        """Let go of what is under way."""


class Sender:
    """A bounded queue of ended exchanges and the thread that sends their spans."""

    def __init__(self, settings: TracingSettings, exporter: Exporting, counts: Counts) -> None:
        self.settings = settings
        self._exporter = exporter
        self._counts = counts
        self._records: collections.deque[Record] = collections.deque()
        self._failing = False
        self._gathering = Gathering("traces", GATHER_SECONDS, self._turn)

    def add(self, record: Record) -> None:
        """Called on the event loop; never blocks."""
        if len(self._records) >= MOST_WAITING:
            self._counts.overflowed += 1
            return
        self._records.append(record)
        self._gathering.came()

    def close(self, timeout: float = 2.0) -> None:
        """Send what is queued, for at most `timeout` seconds."""
        self._gathering.close(timeout)
        self._counts.overflowed += len(self._records)
        self._records.clear()
        self._exporter.close()

    def _turn(self) -> None:
        while batch := self._batch():
            try:
                why = self._exporter.send(batch)
            except Exception as error:  # noqa: BLE001 - a thread's boundary; it is logged
                why = f"{type(error).__name__}: {error}"
            self._note(len(batch), why)

    def _batch(self) -> list[Record]:
        batch: list[Record] = []
        try:
            while len(batch) < BATCH:
                batch.append(self._records.popleft())
        except IndexError:  # that was all
            pass
        return batch

    def _note(self, count: int, why: str) -> None:
        if why:
            self._counts.failed += count
        else:
            self._counts.sent += count
        if why and not self._failing:
            logger.warning("spans are lost, the collector does not take them: %s", why)
        elif self._failing and not why:
            logger.info("the collector takes spans again; lost so far: %d", self._counts.lost)
        self._failing = bool(why)


class Traces:
    """Holds the present sender, None where nothing is traced. Raises TracingError."""

    def __init__(self, settings: TracingSettings | None) -> None:
        self.counts = Counts()
        self.sender: Sender | None = None
        self.sender = self.sender_for(settings)

    def sender_for(self, settings: TracingSettings | None) -> Sender | None:
        """The present one where its settings stay, else another. Raises TracingError."""
        if settings is None:
            return None
        if self.sender is not None and self.sender.settings == settings:
            return self.sender
        try:
            from control.spans import Exporter  # only there with limpet[otel]; 200 ms

            exporter = Exporter(settings.otlp, settings.service_name)
        except (ImportError, ValueError, OSError) as error:
            raise TracingError(f"traces cannot be sent: {error}") from None
        return Sender(settings, exporter, self.counts)

    def close(self) -> None:
        """Send what is queued."""
        if self.sender is not None:
            self.sender.close()


def tracing_of(sender: Sender | None, pseudonym: Callable[[str], str]) -> Tracing | None:
    """What the byte path goes by; sessions are known to the collector by their pseudonyms."""
    if sender is None:
        return None
    settings = sender.settings

    def ended(record: Record) -> None:
        sender.add(record._replace(session=pseudonym(record.session)))

    return Tracing(settings.sample, settings.continue_from == "anybody", ended)
