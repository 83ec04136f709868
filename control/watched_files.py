"""Has the configuration read again when its file, or one that it names, has changed (`watch: true`).

Files are looked at, and not subscribed to (inotify): so it makes no difference whether one is written in
place, replaced by rename as editors do, reached by a link that is swapped as Kubernetes does, or on NFS.
"""

import asyncio
import logging
from pathlib import Path

from config.named_files import named_files
from control.reload import Reload
from control.runtime import Runtime
from control.stamps import Stamps, stamps

logger = logging.getLogger("limpet.reload")

LOOK_SECONDS = 1.0  # a file that was the same at two looks is whole


class WatchedFiles:
    """Of one process. To be made when the file has just been read."""

    def __init__(self, file: str, runtime: Runtime, reload: Reload) -> None:
        self._file = Path(file).absolute()
        self._runtime = runtime
        self._reload = reload
        self._used = stamps(self._files())  # as they were when they were last read

    async def watch(self) -> None:
        """For ever; nothing is done while the settings do not ask for it."""
        seen = self._used
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._runtime.settings.watch:
                seen = await self._look(seen)

    async def _look(self, before: Stamps) -> Stamps:
        """Reload if the files have changed since they were read, but not any more since the look before."""
        now = await asyncio.to_thread(stamps, self._files())
        if now != self._used and now == before:
            try:
                await self._reload("watch")
            except Exception:  # a task's boundary
                logger.exception("reloading broke")
            # What the file names now may be others, which were read with it.
            after = await asyncio.to_thread(stamps, self._files())
            self._used = {file: now.get(file, stamp) for file, stamp in after.items()}
            return self._used
        return now

    def _files(self) -> list[Path]:
        return [self._file, *named_files(self._runtime.settings, self._file.parent)]
