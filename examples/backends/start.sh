#!/bin/sh
# Three nodes of one example on ports 9001 to 9003, and Limpet before them: sh start.sh flask
# With the SDK, so that sessions survive their node: sh start.sh flask replication
set -eu
backends=$(cd "$(dirname "$0")" && pwd)
example=${1:-}
config=proxy${2:+-$2}.yaml
if [ ! -f "$backends/$example/node.sh" ] || [ ! -f "$backends/$example/$config" ]; then
    echo "usage: sh start.sh flask | fastapi | django | aiohttp | express [replication], or express-redis | mcp" >&2
    exit 2
fi
cd "$backends/$example"
PATH="$backends/../../.venv/bin:$PATH"
if [ "${2:-}" = replication ]; then
    export APP=app_limpet
    # What proxy and nodes share, so that nodes know who asks them.
    export LIMPET_NODE_KEY="${LIMPET_NODE_KEY:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}"
fi

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
limpet run -c "$config" &
limpet=$!
started="$started $limpet"
wait "$limpet"
