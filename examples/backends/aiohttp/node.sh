#!/bin/sh
# One node: NODE=a PORT=9001 sh node.sh
cd "$(dirname "$0")"
exec python "${APP:-app}.py"
