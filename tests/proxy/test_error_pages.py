"""What an error looks like to browsers and to programs."""

import json

import pytest

from proxy.error_pages import ErrorPages


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (b"text/html,application/xhtml+xml,*/*;q=0.8", b"text/html; charset=utf-8"),
        (b"application/json, text/html", b"application/json"),
        (b"*/*", b"application/json"),
        (b"", b"application/json"),
    ],
)
def test_browsers_get_html_and_programs_json(accept: bytes, kind: bytes) -> None:
    assert ErrorPages().render(503, "No server.", accept, b"id-1")[0] == kind


def test_nothing_of_a_request_becomes_markup() -> None:
    _, page = ErrorPages().render(400, "<script>", b"text/html", b"<id>")
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page
    assert b"&lt;id&gt;" in page


def test_json_says_what_the_page_says() -> None:
    _, body = ErrorPages().render(502, 'a "detail"', b"", b"id-1")
    assert json.loads(body) == {
        "status": 502,
        "error": "Bad Gateway",
        "detail": 'a "detail"',
        "request_id": "id-1",
    }


def test_an_operators_templates_take_their_place() -> None:
    pages = ErrorPages("<b>{status} {reason} {x}</b>{request_id}", '{"e": "{detail}", "s": {status}}')
    assert pages.render(503, "d", b"text/html", b"<i>")[1] == b"<b>503 Service Unavailable {x}</b>&lt;i&gt;"
    assert json.loads(pages.render(503, 'say "no"', b"", b"i")[1]) == {"e": 'say "no"', "s": 503}
