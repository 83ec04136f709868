"""What stands for an answer that is yet to come, and tells it at once to who asked."""

import asyncio
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Receipt(Generic[Answer]):
    """As a future, but whoever waits is called within `set_result`, and not in a later turn of the loop.

    Each turn of a loop takes up new requests first: a held answer that went through three futures waited
    for as many turns.
    """

    __slots__ = ("_answer", "_callbacks", "_cancelled", "_done", "_error")

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Receipt[Answer]], None]] = []
        self._done = self._cancelled = False
        self._answer: Answer | None = None
        self._error: Exception | None = None

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return self._cancelled

    def exception(self) -> Exception | None:
        """What went wrong, once it is done and was not cancelled."""
        return self._error

    def result(self) -> Answer:
        """Raises what went wrong, or CancelledError. Only once it is done."""
        if self._cancelled:
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]  # `set_result` has set it

    def add_done_callback(self, told: Callable[["Receipt[Answer]"], None]) -> None:
        """Have it told, in the order of these calls. It must not be done."""
        assert not self._done, "nobody would be told"
        self._callbacks.append(told)

    def set_result(self, answer: Answer) -> None:
        self._answer = answer
        self._tell()

    def set_exception(self, error: Exception) -> None:
        self._error = error
        self._tell()

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if not self._done:
            self._cancelled = True
            self._tell()

    def __await__(self) -> Generator[object, None, Answer]:
        if not self._done:
            there: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def wake(_: "Receipt[Answer]") -> None:
                if not there.done():
                    there.set_result(None)

            self.add_done_callback(wake)
            try:
                yield from there
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self.result()

    def _tell(self) -> None:
        self._done = True
        callbacks, self._callbacks = self._callbacks, []
        for told in callbacks:
            try:
                told(self)
            except Exception as error:  # noqa: BLE001 - as a future has it: others are told all the same
                context = {"message": "an answer could not be told", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
