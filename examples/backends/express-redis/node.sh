#!/bin/sh
# One node: REDIS_URL=redis://127.0.0.1:6379 NODE=a PORT=9001 sh node.sh, after `npm ci`
cd "$(dirname "$0")"
exec node app.js
