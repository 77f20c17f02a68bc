#!/bin/sh
# fuzz.sh SECONDS runs each fuzz target of the module for that long and stops at the first that fails.
set -eu
go=${GO:-go}
list=$(mktemp)
trap 'rm -f "$list"' EXIT

# go test -list prints the names of a package's targets, then "ok" with its path.
$go test -list '^Fuzz' ./... >"$list"
targets=$(awk '/^Fuzz/ { names[++n] = $1; next }
	$1 == "ok" { for (i = 1; i <= n; i++) print $2 ":" names[i] }
	{ n = 0 }' "$list")
[ -n "$targets" ] || echo "fuzz: there is no fuzz target yet"
for target in $targets; do
	echo "fuzz: $target for $1 s"
	$go test -run '^$' -fuzz "^${target##*:}\$" -fuzztime "${1}s" "${target%:*}"
done
