#!/bin/sh
# One node: NODE=a PORT=9001 sh node.sh. One worker, since its memory is where the sessions are.
cd "$(dirname "$0")"
exec gunicorn --bind "127.0.0.1:${PORT:-9001}" --workers 1 --threads 8 --log-level warning app:app
