"""How to read the sessions' table, for each app that the nodes can run."""

HOW = """\
How to read it: the same app ({app}, 2 KB of session as JSON) on
three nodes of each contender's own; 64 users, each with a connection and cookies, send reads and writes at
random, half and half, the same for all. CPU is user and system time of the proxy, the three nodes and Redis
together, in microseconds for each request, the median of the rounds; in brackets its ratio to HAProxy + Redis
in the same round, again the median, with the range. At a rate, a latency counts from when its request was due
(no coordinated omission), all rounds together. Every answer is checked: it has the count that this user's
writes have made. Proxy and Redis have one core, nodes and load the other."""
STARLETTE = """\
"HAProxy + Redis" is the app keeping its sessions itself: redis-py asyncio with hiredis, one GET when a
request with a cookie begins, one SET with EX where a topmost key was set; a read does not lengthen the
session's time, and nothing guards against two requests that write at once (Limpet's SDK merges them).
Limpet's nodes answer the proxy at an endpoint of their own (`sessions_url`), in the app's event loop."""
EXPRESS = """\
"HAProxy + Redis" is the app keeping its sessions itself, by express-session with connect-redis: one GET when
a request with a cookie begins, one SET with EX where the session has changed; a read does not lengthen the
session's time (disableTouch), and of two requests that write at once the later overwrites the other (Limpet's
SDK merges them)."""
AFFINITY = """\
"Limpet affinity" is the app with its sessions in its own memory, lost with their node: what replication costs
is the difference to it. Redis keeps nothing on disk in either contender."""
NOTES = {
    "starlette": [
        HOW.format(app="Starlette, uvicorn with uvloop and httptools"),
        f"{STARLETTE}\n{AFFINITY}",
    ],
    "express": [HOW.format(app="Express 5, Node.js's own server"), f"{EXPRESS}\n{AFFINITY}"],
}
