"""What is running: Limpet's version, and whether its byte path has been compiled."""

from importlib import metadata

from proxy import exchange


def version() -> str:
    """Limpet's own version, "unknown" where it runs without being installed."""
    try:
        return metadata.version("limpet")
    except metadata.PackageNotFoundError:
        return "unknown"


def compiled() -> bool:
    """Whether the byte path is machine code; one of its modules stands for all, which are one library."""
    return not (exchange.__file__ or "").endswith(".py")


def named() -> str:
    """Both, for people: `0.1.0 (compiled)`."""
    return f"{version()} ({'compiled' if compiled() else 'pure Python'})"
