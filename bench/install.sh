#!/bin/sh
# Compiles Limpet's byte path, and installs the proxies that it is compared with, and Redis, where they are missing
# (Debian, Ubuntu).
# A contender that is still missing afterwards is left out of the table, and the table says so.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

make --no-print-directory -C "$(dirname "$0")/.." compiled || echo "bench: Limpet could not be compiled" >&2

missing=""
for name in haproxy nginx caddy; do
    command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
done
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v taskset >/dev/null 2>&1 || missing="$missing util-linux"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "bench: not a Debian system; install these yourself:$missing" >&2
    exit 0
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# A policy that refuses to start services: the bench starts its own, on ports of its own.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
    made=yes
fi
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing || echo "bench: could not install:$missing" >&2
[ -z "$made" ] || $sudo rm -f "$policy"
