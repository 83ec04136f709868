"""The answers that Limpet gives by itself, as bytes."""

from proxy.error_pages import ErrorPages, reason_phrase
from proxy.faults import Fault

RETRY_AFTER_SECONDS = 1


def fault_answer(
    fault: Fault,
    pages: ErrorPages,
    accept: bytes,
    request_id: bytes,
    bodyless: bool,
    keep: bool,
    token_lines: bytes = b"",
) -> bytes:
    """The whole answer to an exchange that failed. `keep`: whether the connection lives on."""
    kind, body = pages.render(fault.status, fault.detail, accept, request_id)
    fields = b"Content-Type: %b\r\nCache-Control: no-store\r\n" % kind
    fields += token_lines
    if fault.status == 503:
        fields += b"Retry-After: %d\r\n" % RETRY_AFTER_SECONDS
    return plain_answer(fault.status, fields, body, bodyless, keep)


def plain_answer(status: int, fields: bytes, body: bytes, bodyless: bool, keep: bool) -> bytes:
    """An answer with these header fields; for HEAD (`bodyless`) its body is only counted."""
    return b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\n%b\r\n%b" % (
        status,
        reason_phrase(status).encode(),
        fields,
        len(body),
        b"" if keep else b"Connection: close\r\n",
        b"" if bodyless else body,
    )
