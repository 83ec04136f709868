"""What this process does with memory that it no longer needs."""

import ctypes
from contextlib import suppress

# Parameters of mallopt(3), by their numbers in <malloc.h>.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3

# The loop reads up to 256 KB at a time. By glibc's own rules blocks of that size went back to the kernel as
# soon as they were free, to be had anew and zeroed, page by page, for the next: a third of a long body's CPU.
KEPT_BYTES = 8 * 1024 * 1024  # free, at the heap's end
LARGE_BYTES = 1024 * 1024  # from here on a block comes from the kernel, and goes back to it


def keep_freed_memory() -> None:
    """Have the process use freed memory again, up to KEPT_BYTES of it, in place of giving it back.

    With a C library that knows no such thing (musl) nothing changes.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
