"""Sends clients that came by http to https."""

from proxy.faults import Fault


class Redirected(Fault):
    """Not a fault, but an answer of Limpet's own like one."""

    def __init__(self, location: bytes) -> None:
        super().__init__(308, "redirected_to_https", "This is served by https only.")
        self.fields = b"Location: %b\r\n" % location


def redirect(host: bytes, port: int, target: bytes) -> Fault:
    """The same request at `https` on this port; the method stays (RFC 9110 section 15.4.9).

    `host` is a valid authority, b"" where the client (of HTTP/1.0) said none.
    """
    if not host:
        return Fault(400, "bad_host", "Without a Host nobody can be sent to https.")
    name = host[: host.find(b"]") + 1] if host.startswith(b"[") else host.partition(b":")[0]
    place = name if port == 443 else b"%b:%d" % (name, port)
    return Redirected(b"https://%b%b" % (place, b"/" if target == b"*" else target))
