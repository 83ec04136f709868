"""What the nodes answer: known to the nodes and to those who check that a proxy passed it on untouched."""

NAMES = ("n1", "n2", "n3")
UPLOAD = 1024 * 1024
BODIES = {b"/64": 64, b"/16k": 16 * 1024, b"/1m": 1024 * 1024}
MARK = 16  # the first bytes of each body tell the node


def mark(name: str) -> bytes:
    """The first `MARK` bytes of all that a node answers."""
    return f"<node {name}>".encode().ljust(MARK, b".")


def body(name: str, path: bytes) -> bytes:
    """A node's whole answer to `GET path`: its mark, then a pattern that shows bytes lost or moved."""
    size = BODIES[path]
    pattern = b"".join(b"%07d\n" % line for line in range(size // 8))
    return mark(name) + pattern[MARK:size]
