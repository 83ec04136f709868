"""How many files the process may have open."""

import logging
import resource

logger = logging.getLogger("limpet")

FILES_FOR_ITSELF = 100  # descriptors besides clients' connections and, for each, one to a node


def allow_files(connections: int, warn: bool = True) -> None:
    """Raise the soft limit as far as it goes, for so many clients: most systems set it to 1024."""
    wanted = 2 * connections + FILES_FOR_ITSELF
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    if warn and most < wanted:
        logger.warning("only %d files may be open: `limits.connections` may need %d", max(soft, most), wanted)
