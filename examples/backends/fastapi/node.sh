#!/bin/sh
# One node: NODE=a PORT=9001 sh node.sh
cd "$(dirname "$0")"
exec uvicorn --host 127.0.0.1 --port "${PORT:-9001}" --log-level warning --no-access-log "${APP:-app}:app"
