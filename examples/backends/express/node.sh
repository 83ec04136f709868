#!/bin/sh
# One node: NODE=a PORT=9001 sh node.sh, after `npm ci`
cd "$(dirname "$0")"
exec node "${APP:-app}.js"
