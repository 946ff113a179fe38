#!/usr/bin/env bash
# run.sh SCRIPT.ts [ARG…]: install the locked dependencies when they are missing or outdated, then run a TypeScript source file of this
# repository with the pinned Node.js.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=node_modules/.patchbay-installed
if ! cmp -s package-lock.json "$stamp"; then
  echo "patchbay: installing the locked npm dependencies (about a minute the first time) …" >&2
  if ! npm ci --no-audit --no-fund --loglevel=error >&2; then
    echo "patchbay: 'npm ci' failed. Needed: Node.js >= 20.19, npm >= 10 and a reachable npm registry (npm config get registry)." >&2
    exit 1
  fi
  cp package-lock.json "$stamp"
fi
script=$1
shift
exec node_modules/.bin/node --conditions=@patchbay/source --disable-warning=ExperimentalWarning "$script" "$@"
