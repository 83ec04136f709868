"""What nodes are told of a client's certificate."""

from proxy.client_certificate import certificate_lines, distinguished_name


def test_a_name_in_the_form_of_rfc_4514() -> None:
    subject = (
        (("countryName", "DE"),),
        (("organizationName", 'Shop, "Inc." + <x>; \\ Ümlaut\r\nX: y'),),
        (("commonName", "#anna "), ("userId", "7")),
        (("unheardOf", "é"),),
    )
    assert distinguished_name(subject) == (
        "unheardOf=\\c3\\a9,CN=\\#anna\\ +UID=7,"
        'O=Shop\\, \\"Inc.\\" \\+ \\<x\\>\\; \\\\ \\c3\\9cmlaut\\0d\\0aX: y,C=DE'
    )


def test_nobody_is_told_of_by_nothing() -> None:
    assert certificate_lines(None, None) == b""
    assert certificate_lines(b"\x00\x01", {}) == b"Client-Cert: :AAE=:\r\nX-Client-Cert-Subject: \r\n"
