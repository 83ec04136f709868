"""What lies between Limpet and a Redis that is somebody else's: to be killed in the Redis's place."""

import asyncio
import contextlib
import sys

import uvloop


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(path: str, host: str, port: int) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError as error:
            print(f"{host}:{port}: {error}", file=sys.stderr, flush=True)
            writer.close()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    server = await asyncio.start_unix_server(join, path)
    await server.serve_forever()


def serve(path: str, host: str, port: str) -> None:
    """Passes on what comes to the unix socket at `path`, and the answers, until it is killed."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(path, host, int(port)))
