import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.cookie_dates import LAST, read_date, write_date


@pytest.mark.parametrize(
    "text",
    [
        b"Wed, 15 Nov 2023 12:34:56 GMT",
        b"Wed, 15-Nov-2023 12:34:56 GMT",
        b"Wednesday, 15-Nov-23 12:34:56 GMT",
        b"Wed Nov 15 12:34:56 2023",
        b"  15 nov 2023 12:34:56",
        b"12:34:56 2023 November 15",
        b"Wed, 15 Nov 2023 12:34:56 +0100",  # browsers know no zones
        b"12:34:56 15 Nov 2023 01:02:03",
        b"15th 12:34:56x Nov 2023x",
    ],
)
def test_dates_are_read_as_browsers_read_them(text: bytes) -> None:
    assert read_date(text) == 1_700_051_696


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (b"Thu, 01-Jan-70 00:00:10 GMT", 10),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", LAST),
        (b"Wed, 31 Dec 1969 23:59:59 GMT", -1),
        (b"1 Jan 69 0:0:0", 3_124_224_000),
    ],
)
def test_the_ends_of_time(text: bytes, seconds: int) -> None:
    assert read_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"0",
        b"-1",
        b"never",
        b"31 Feb 2023 00:00:00",
        b"15 Nov 2023",
        b"15 Nov 12:34:56",
        b"Nov 2023 12:34:56",
        b"15 2023 12:34:56",
        b"15 Nov 2023 24:00:00",
        b"15 Nov 2023 12:60:00",
        b"15 Nov 1600 12:00:00",
        b"15 Nov 20233 12:00:00",
        b"115 Nov 2023 12:00:00",
    ],
)
def test_what_is_no_date_is_none(text: bytes) -> None:
    assert read_date(text) is None


@given(st.integers(0, LAST))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert read_date(write_date(seconds)) == seconds


def test_dates_are_written_as_the_rfc_asks() -> None:
    assert write_date(0) == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert write_date(-5) == write_date(0)
    assert write_date(LAST + 1) == write_date(LAST) == b"Fri, 31 Dec 9999 23:59:59 GMT"


@given(st.binary(max_size=60))
def test_garbage_never_raises(text: bytes) -> None:
    read_date(text)
