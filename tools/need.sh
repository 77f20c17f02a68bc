#!/bin/sh
# need.sh COMMAND... makes sure that the commands exist, and is silent when they do.
# What is missing comes from apt when root or sudo without a password allows it; otherwise
# the line to run is named. Go is never installed, its version is only compared with the go line of go.mod.
# need.sh --ask COMMAND... installs nothing and says nothing: its exit code is the answer.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
	echo "need: $*" >&2
	exit 1
}

# The least Node.js that Vite and its plugins run on.
least_node=20

# A gcc without the C library's headers passes for a compiler until -race needs it, a browser goes
# by several names, and numpy is that of the system's Python.
have() {
	case $1 in
	chromium)
		for name in chromium chromium-browser google-chrome-stable google-chrome; do
			! command -v "$name" >/dev/null 2>&1 || return 0
		done
		return 1
		;;
	node) [ "$(node_major)" -ge $least_node ] ;;
	gcc) command -v gcc >/dev/null 2>&1 && echo '#include <stdlib.h>' | gcc -fsyntax-only -x c - 2>/dev/null ;;
	numpy) /usr/bin/python3 -c 'import numpy' 2>/dev/null ;;
	venv) /usr/bin/python3 -c 'import venv, ensurepip' 2>/dev/null ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# 0 where there is none.
node_major() {
	number=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
	echo "${number:-0}"
}

packages_of() {
	case $1 in
	gcc) echo gcc libc6-dev ;;
	numpy) echo python3 python3-numpy ;;
	venv) echo python3 python3-venv ;;
	node) echo nodejs ;;
	# The nodejs of nodesource.com includes npm and conflicts with Debian's.
	npm) apt-cache show nodejs 2>/dev/null | grep -q '^Conflicts:.*npm' || echo npm ;;
	*) echo "$1" ;;
	esac
}

# GOTOOLCHAIN from the environment stays in force: where it lets an older go fetch
# the toolchain that go.mod names, that counts as having it.
check_go() {
	want=$(sed -n 's/^go //p' "$root/go.mod")
	get="get Go from https://go.dev/dl/ and put its bin folder on PATH"
	command -v go >/dev/null 2>&1 || fail "there is no go on PATH, dagscope needs Go $want or later: $get"
	found=$(cd "$root" && go env GOVERSION 2>/dev/null) || found=
	[ -n "$found" ] || found=$(cd / && go version 2>/dev/null | cut -d ' ' -f 3)
	number=$(echo "$found" | sed -n 's/.*go\([0-9][0-9.]*\).*/\1/p')
	lower=$(printf '%s\n%s\n' "$want" "${number:-0}" | sort -V | head -n 1)
	[ "$lower" = "$want" ] || fail "dagscope needs Go $want or later and found ${found:-one that does not run}: $get"
}

# Debian's Node.js is replaced by no other of its own, so an old one is reported and left alone.
check_node() {
	have node && return
	get="get it from https://nodejs.org/en/download and put its bin folder on PATH"
	if [ "$(node_major)" -gt 0 ]; then
		fail "the dashboard needs Node.js $least_node or later and found $(node --version): $get"
	fi
	offered=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^  Candidate: \([0-9]*\)\..*/\1/p')
	[ -z "$offered" ] || [ "$offered" -ge $least_node ] ||
		fail "the dashboard needs Node.js $least_node or later and apt has $offered: $get"
}

if [ "${1:-}" = --ask ]; then
	shift
	for command in "$@"; do
		have "$command" || exit 1
	done
	exit 0
fi

missing=
for command in "$@"; do
	if [ "$command" = go ]; then
		check_go
		continue
	fi
	[ "$command" != node ] || check_node
	if ! have "$command"; then
		missing="$missing $(packages_of "$command")"
	fi
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
command -v apt-get >/dev/null 2>&1 || fail "missing:$missing; there is no apt-get, so install them by hand"
if [ "$(id -u)" = 0 ]; then
	as_root=
elif sudo -n true 2>/dev/null; then
	as_root="sudo -n"
else
	fail "missing:$missing; run: sudo apt-get update && sudo $install"
fi

echo "need: installing$missing" >&2
# A list that cannot be refreshed may still do, so only the installation decides.
$as_root apt-get update -qq >&2 </dev/null || echo "need: apt-get update failed, trying the lists at hand" >&2
# shellcheck disable=SC2086 # $as_root and $install are lists of words
$as_root env DEBIAN_FRONTEND=noninteractive $install >&2 </dev/null ||
	fail "could not install$missing; run as root: apt-get update && $install"
for command in "$@"; do
	[ "$command" != node ] || check_node # apt may not have known before its lists came
	[ "$command" = go ] || have "$command" || fail "$command is still missing after: $install"
done
