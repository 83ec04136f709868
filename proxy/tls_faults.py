"""Why a connection to a node could not be made, in words for clients, logs and node states."""

import ssl

from proxy.faults import NodeFault

# By OpenSSL's numbers (X509_V_ERR_...); the words are also those of metrics and logs.
_CERTIFICATE = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_self_signed",
    19: "certificate_self_signed",
    20: "certificate_of_unknown_authority",
    21: "certificate_of_unknown_authority",
    62: "certificate_of_another_name",
    64: "certificate_of_another_name",
}


def connect_fault(error: OSError) -> NodeFault:
    """What the exchange that waits for the connection is told."""
    if isinstance(error, TimeoutError):
        return NodeFault(504, "connect_timeout", "The node did not accept a connection in time.")
    if isinstance(error, ssl.SSLError):
        return NodeFault(502, tls_reason(error), "The node is not known to be the right one.")
    return NodeFault(503, "connect_failed", "The node does not accept connections.")


def tls_reason(error: ssl.SSLError) -> str:
    """What is wrong, in one fixed word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "certificate_not_trusted")
    return "tls_failed"
