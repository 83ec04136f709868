#!/bin/sh
# Installs what the tests need beyond Python: curl, openssl, dnsmasq, Redis, Prometheus, Chromium, Node.js with npm, and
# the packages of what runs on it; and gevent, where there is a .venv. No service is started: the tests start what they need by themselves.
# `sh tests/install.sh compiler`: a C compiler and Python's headers instead, for $PYTHON (python3.11 unless named).
# Quick, and touches nothing, when all of it is there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "tests/install.sh: $1" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

install() {  # Debian packages by name
    have apt-get || fail "please install $* (no apt-get here to do it with)"
    [ "$(id -u)" = 0 ] || fail "please install $*: sudo apt-get install $*"
    echo "tests/install.sh: installing $*"
    apt-get update -qq || fail "apt-get update failed: please install $*"
    start_nothing
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install $*"
}

start_nothing() {  # packages ask this program whether to start their service; 101 is no
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && return
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
}

if [ "${1:-}" = compiler ]; then
    python=${PYTHON:-python3.11}
    said=$("$python" -c 'import sysconfig as s; print(s.get_config_var("CC").split()[0], s.get_paths()["include"], s.get_python_version())')
    compiler=${CC:-${said%% *}} version=${said##* } headers=${said#* }
    headers=${headers% *}
    missing=
    echo '#include <stdlib.h>' | "$compiler" -fsyntax-only -x c - 2>/dev/null || missing="gcc libc6-dev"
    # Debian has them apart; a Python that was built where it is (pyenv) brings them along.
    [ -e "$headers/Python.h" ] || missing="$missing libpython$version-dev"
    [ -z "$missing" ] || install $missing
    have "$compiler" || fail "no $compiler here, which $python was built with: set CC to a compiler"
    [ -e "$headers/Python.h" ] || fail "no Python.h in $headers: please install the headers of $python"
    exit 0
fi

missing=
have curl || missing="$missing curl"
have node || missing="$missing nodejs"
have npm || missing="$missing npm"
have openssl || missing="$missing openssl"
have dnsmasq || missing="$missing dnsmasq-base"
have redis-server || missing="$missing redis-server"
have strace || missing="$missing strace"
have chromium || have chromium-browser || missing="$missing chromium"
have prometheus && have promtool || missing="$missing prometheus"
[ -z "$missing" ] || install $missing

major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 18 ] || fail "Node.js 18 or later is needed (its fetch, and Express 5); this is $(node --version)"

# npm writes node_modules/.package-lock.json last, so that one being newer means that all is as locked.
for name in sdk/node examples/backends/express examples/backends/express-redis; do
    directory=$root/$name
    done=$directory/node_modules/.package-lock.json
    if [ ! -f "$done" ] || [ "$directory/package-lock.json" -nt "$done" ]; then
        echo "tests/install.sh: npm ci in $name"
        npm ci --prefix "$directory" --no-audit --no-fund --loglevel=error >/dev/null ||
            fail "npm ci failed in $directory"
        touch "$done"
    fi
done

# Its newest release needs another greenlet than httpbin allows: nodes that run on it look here first.
gevent=$root/.venv/gevent
if [ -x "$root/.venv/bin/pip" ] && [ ! -e "$gevent/.done" ]; then
    echo "tests/install.sh: pip install gevent"
    "$root/.venv/bin/pip" install --quiet --no-warn-conflicts --target "$gevent" gevent || fail "pip could not install gevent"
    touch "$gevent/.done"
fi
