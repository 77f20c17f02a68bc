#!/bin/sh
# golden.sh rewrites the golden files of every package whose tests take -update, and shows
# which files changed: that diff is to be read, not just committed.
set -eu
go=${GO:-go}

# Other packages' tests would refuse the flag, so only those that define it are asked.
folders=$(grep -rlE --include='*_test.go' --exclude-dir=node_modules 'flag\.Bool(Var)?\(.*"update"' . | xargs -r -n 1 dirname | sort -u)
[ -n "$folders" ] || { echo "golden: no test takes -update yet"; exit 0; }
# shellcheck disable=SC2086 # a list of folders
$go test $folders -update
git status --short -- ':(glob)**/testdata/**'
