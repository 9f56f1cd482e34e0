"""Redis, for processes of any machine. Its clock is the one clock, and a script is one step."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from databuddy_source.api.limiter import FORGOTTEN, HELD, LONGEST_HELD, LONGEST_NAP, Turn

PATIENCE: Final = 5.0
"""Seconds for a connection, and for an answer."""

KEPT: Final = 90 * 86_400
"""Seconds after which Redis forgets a budget that nobody uses."""

_KEYS: Final = ("places", "waiting", "alive", "workers", "silence", "began")
"""Sorted sets of places by the end, of those who wait by when they were served, by when they have
lost their turn, of processes by when they are forgotten; the end of the silence; the begin."""

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
"""

_TAKE: Final = (
    _NOW
    + """
local places, waiting, alive, workers, silence, began = unpack(KEYS)
local worker, place = ARGV[1], ARGV[2]
local per_minute, held, nap, forgotten, kept =
    tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now)
-- of a server before, whose clock was ahead
for _, late in ipairs(redis.call('ZRANGEBYSCORE', places, now + held + 1, '+inf')) do
    redis.call('ZADD', places, now + held, late)
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', alive, '-inf', now)) do
    redis.call('ZREM', alive, gone)
    redis.call('ZREM', waiting, gone)
end
redis.call('ZADD', workers, now + held, worker)
redis.call('SET', began, now, 'NX')
local age = now - redis.call('GET', began)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, kept) end
local function said(place, wait)
    return {place, tostring(wait), redis.call('ZCARD', workers), tostring(age)}
end
local silent = tonumber(redis.call('GET', silence) or 0) - now
if silent > 0 then return said('', math.min(silent, nap)) end
local taken = redis.call('ZCARD', places)
local ahead = redis.call('ZRANK', waiting, worker) or redis.call('ZCARD', waiting)
if ahead < per_minute - taken then
    redis.call('ZADD', places, now + held, place)
    redis.call('ZREM', waiting, worker)
    redis.call('ZREM', alive, worker)
    return said(place, 0)
end
redis.call('ZADD', waiting, 'NX', now, worker)
redis.call('ZADD', alive, now + forgotten, worker)
local nth = math.max(0, ahead + taken - per_minute)
local free = redis.call('ZRANGE', places, nth, nth, 'WITHSCORES')
return said('', math.max(0.02, math.min(nap, free[2] and free[2] - now or nap)))
"""
)

_LAND: Final = (
    _NOW
    + """
local place, held, quiet = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ends = redis.call('ZSCORE', KEYS[1], place)
if ends and tonumber(ends) > now + held then redis.call('ZADD', KEYS[1], now + held, place) end
if quiet > 0 and now + quiet > tonumber(redis.call('GET', KEYS[5]) or 0) then
    redis.call('SET', KEYS[5], now + quiet, 'PX', math.ceil(quiet * 1000))
end
"""
)


def limiter(url: str) -> RedisLimiter:
    """Of an address as redis-py reads it."""
    # a connection that was idle may be cut off by now, so each call is tried twice
    once_more = Retry(NoBackoff(), 1)
    return RedisLimiter(
        Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=once_more
        )
    )


class RedisLimiter:
    """Counts in Redis 5 and newer.

    Args:
        client: of the server.
    """

    def __init__(self, client: Redis) -> None:
        self._take: Any = client.register_script(_TAKE)
        self._land: Any = client.register_script(_LAND)

    def take(self, budget: str, worker: str, per_minute: int) -> Turn:
        """See `Limiter`. Those who wait are served in turn, each process one request."""
        numbers = (per_minute, LONGEST_HELD, LONGEST_NAP, FORGOTTEN, KEPT)
        place, wait, workers, age = self._take(_keys(budget), [worker, uuid4().hex, *numbers])
        return Turn(_text(place), float(wait), int(workers), float(age))

    def land(self, budget: str, place: str, silence: float) -> None:
        """See `Limiter`."""
        self._land(_keys(budget), [place, HELD, silence])


def _keys(budget: str) -> list[str]:
    # braces: a cluster keeps them together
    return [f"databuddy:{{{budget}}}:{key}" for key in _KEYS]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
