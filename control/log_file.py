"""Where the access log is written: a reload may change that, and nothing is lost meanwhile."""

from config.log_settings import AccessLog
from control.line_writer import LineWriter


class LogFile:
    """Holds the present writer, None where nothing is logged. Raises OSError where it cannot be opened."""

    def __init__(self, log: AccessLog, shared: bool = False) -> None:
        """`shared`: with other processes, which write to it, too."""
        self._shared = shared
        self.writer: LineWriter | None = None
        self.writer = self.writer_for(log)

    def writer_for(self, log: AccessLog) -> LineWriter | None:
        """The present one where its file stays, else another. Raises OSError."""
        if log.format == "off":
            return None
        if self.writer is not None and self.writer.path == log.file:
            return self.writer
        return LineWriter(log.file, shared=self._shared)

    def reopen(self) -> None:
        """Go on in a new file of the same name."""
        if self.writer is not None:
            self.writer.reopen()

    def close(self) -> None:
        """Write what is queued."""
        if self.writer is not None:
            self.writer.close()
