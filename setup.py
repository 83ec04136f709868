"""The optional build: LIMPET_COMPILE=1 has mypyc make C extensions of the byte path's modules.

Without it nothing is compiled, and the same modules run as they are (docs/decisions/0015-compiled.md).
"""

import os
import sys
from pathlib import Path

from setuptools import setup

# Of each package all modules but these, which are not on the way of a request, or need what has no types.
HOT = {
    "proxy": {"__main__", "error_pages", "faults", "front", "proxy_protocol", "site"},
    "routing": {"health", "table"},
    "sessions": set(),
    "sessions/contract": set(),
    "sessions/keeping": set(),
}
# Types are what `make check` sees to; here only these modules count, without the packages that others use.
MYPY = ["--config-file=", "--ignore-missing-imports"]


def modules() -> list[str]:
    """The files that every request, or every write of a session, passes through."""
    return [
        str(file)
        for package, left in HOT.items()
        for file in sorted(Path(package).glob("*.py"))
        if file.stem not in left | {"__init__"}
    ]


def wanted() -> bool:
    """Whether LIMPET_COMPILE asks for it. Never for an editable install: what is edited has to run."""
    asked = os.environ.get("LIMPET_COMPILE", "") not in ("", "0")
    if asked and {"editable_wheel", "develop"} & set(sys.argv):
        sys.exit("LIMPET_COMPILE=1 is not for editable installs: changes to the source would do nothing")
    return asked


def extensions() -> list[object]:
    from mypyc.build import mypycify

    # A ninth of a write's time is spent in this code, the rest in what it calls of Python: level 3 would
    # take twice the time to build (63 s of gcc, so 35) for little.
    return list(mypycify([*MYPY, *modules()], opt_level="1", debug_level="0", group_name="limpet"))


if __name__ == "__main__":
    compiling = wanted()
    # pip asks twice: first what the build needs (when mypyc may not be there yet), then for the wheel.
    building = compiling and not {"egg_info", "dist_info"} & set(sys.argv)
    setup(
        setup_requires=["mypy>=1.17"] if compiling else [],
        ext_modules=extensions() if building else [],
    )
