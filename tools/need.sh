#!/bin/sh
# need.sh COMMAND... sees to it that the commands are there, and is silent when they are.
# What is missing comes from apt when root or sudo without a password allows it; otherwise
# the line to run is named. Go is never installed, only held against the go line of go.mod.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
	echo "need: $*" >&2
	exit 1
}

# A gcc without the C library's headers passes for a compiler until -race needs it.
have() {
	command -v "$1" >/dev/null 2>&1 || return 1
	[ "$1" != gcc ] || echo '#include <stdlib.h>' | gcc -fsyntax-only -x c - 2>/dev/null
}

packages_of() {
	case $1 in
	gcc) echo gcc libc6-dev ;;
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

missing=
for command in "$@"; do
	if [ "$command" = go ]; then
		check_go
	elif ! have "$command"; then
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
	[ "$command" = go ] || have "$command" || fail "$command is still missing after: $install"
done
