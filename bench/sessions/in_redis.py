"""An app's sessions in Redis: one GET at the start of a request, one SET with EX where it wrote."""

from redis.asyncio import Redis

from bench.sessions.own import Watched
from limpet_session import JsonSerializer

TTL_SECONDS = 1800


class InRedis:
    """redis-py with hiredis."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)
        self._json = JsonSerializer()

    async def load(self, name: str) -> Watched:
        state = await self._redis.get(f"session:{name}")
        return Watched(self._json.loads(state) if isinstance(state, bytes) else {})

    async def save(self, name: str, session: Watched) -> None:
        await self._redis.set(f"session:{name}", self._json.dumps(session), ex=TTL_SECONDS)
