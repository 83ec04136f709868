#!/bin/sh
# Three nodes of one example on ports 9001 to 9003, and Limpet before them: sh start.sh flask
set -eu
backends=$(cd "$(dirname "$0")" && pwd)
example=${1:-}
if [ ! -f "$backends/$example/node.sh" ]; then
    echo "usage: sh start.sh flask | fastapi | express | aiohttp | mcp" >&2
    exit 2
fi
cd "$backends/$example"
PATH="$backends/../../.venv/bin:$PATH"

started=
stop() {
    trap - EXIT INT TERM
    kill $started 2>/dev/null || true
    wait
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

port=9001
for name in a b c; do
    NODE=$name PORT=$port sh node.sh &
    started="$started $!"
    port=$((port + 1))
done
limpet run -c proxy.yaml &
limpet=$!
started="$started $limpet"
wait "$limpet"
