"""What an error looks like: HTML for browsers, JSON for programs, replaceable by the operator."""

import json
from html import escape
from http import HTTPStatus

_HTML = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{status} {reason}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em;color:#222;
background:#fff}}small{{color:#666}}@media(prefers-color-scheme:dark){{body{{color:#ddd;background:#181818}}
small{{color:#999}}}}</style>
<h1>{status} {reason}</h1><p>{detail}</p><small>Request {request_id}</small>
"""
_PLACES = ("status", "reason", "detail", "request_id")


class ErrorPages:
    """Renders an error by status, with the operator's own templates where they are given.

    A template's `{status}`, `{reason}`, `{detail}` and `{request_id}` are filled in; nothing else in it is.
    """

    def __init__(self, html: str | None = None, json_text: str | None = None) -> None:
        self._html = html
        self._json = json_text

    def render(self, status: int, detail: str, accept: bytes, request_id: bytes) -> tuple[bytes, bytes]:
        """The content type and the body for a client that sent this `Accept`."""
        values = {
            "status": str(status),
            "reason": reason_phrase(status),
            "detail": detail,
            "request_id": request_id.decode("latin-1"),
        }
        lower = accept.lower()
        if b"text/html" in lower and b"application/json" not in lower.partition(b"text/html")[0]:
            safe = {name: escape(value) for name, value in values.items()}
            text = _fill(self._html, safe) if self._html else _HTML.format(**safe)
            return b"text/html; charset=utf-8", text.encode()
        if self._json:
            quoted = {name: json.dumps(value)[1:-1] for name, value in values.items()}
            return b"application/json", _fill(self._json, quoted).encode()
        body = {
            "status": status,
            "error": values["reason"],
            "detail": detail,
            "request_id": values["request_id"],
        }
        return b"application/json", json.dumps(body).encode() + b"\n"


def reason_phrase(status: int) -> str:
    """The registered phrase of a status, "Error" for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _fill(template: str, values: dict[str, str]) -> str:
    for name in _PLACES:
        template = template.replace("{" + name + "}", values[name])
    return template
