#!/usr/bin/env bash
# run.sh SCRIPT.ts [ARG…]: install the locked dependencies when they are missing or outdated, then run a TypeScript source file of this
# repository with the pinned Node.js.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'patchbay: %s\n' "$@" >&2
  exit 1
}

if [ "$(uname -s)" != Linux ]; then
  fail "this is $(uname -s); Patchbay's kernel interfaces, its tests and its lab need Linux (a virtual machine or a container will do)"
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  fail 'Node.js >= 20.19 with npm is needed to install the rest, see https://nodejs.org/en/download'
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  fail "Node.js >= 20.19 is needed, this is $(node --version) ($(command -v node)), see https://nodejs.org/en/download"
fi

stamp=node_modules/.patchbay-installed
if ! cmp -s package-lock.json "$stamp"; then
  mkdir -p .cache
  # Of several commands started at once in a fresh clone only one installs.
  exec 9>.cache/install.lock
  if command -v flock >/dev/null; then flock 9; fi
  if ! cmp -s package-lock.json "$stamp"; then
    echo 'patchbay: installing the locked npm dependencies (about a minute the first time) …' >&2
    if ! npm ci --no-audit --no-fund --loglevel=error >&2; then
      fail "'npm ci' failed, see above" \
        "needed: npm >= 10 (this is $(npm --version)) and the npm registry (this is $(npm config get registry))"
    fi
    cp package-lock.json "$stamp"
  fi
  exec 9>&-
fi

pinned=node_modules/node-linux-$(uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')/bin/node
if [ ! -x "$pinned" ]; then
  fail "$pinned is missing: there is no Node.js for $(uname -m), or npm was told to leave out optional dependencies (npm ci --include=optional)"
fi
export PATH="$PWD/node_modules/.bin:$PATH"
exec "$pinned" --conditions=@patchbay/source --disable-warning=ExperimentalWarning "$@"
