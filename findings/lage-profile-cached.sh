#!/usr/bin/env bash
# lage 2.17.0: targets that the cache answered are not in the profile of --profile.
#
# The profile of a run has an event for each target that ran, named with its status, and one of length 0 for each target
# that never started because another failed. A target that was skipped because the cache had its result has none,
# although the summary counts it. So the profile of a run that took everything from the cache is a valid trace without
# events, and targets that are missing from one may have succeeded long ago.
#
# Seen: the first run has events of core#build and app#build; after a change of app, the second has app#build only, and its
# summary says "success: 1, skipped: 1"; the third, with nothing changed, says "skipped: 2" and has no events.
#
# dagscope says so in a note on such runs: metricsstore/records/chrometrace/targets.go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p packages/core packages/app
cat > package.json <<'JSON'
{"name":"root","private":true,"version":"1.0.0","workspaces":["packages/*"],"packageManager":"npm@10.0.0","devDependencies":{"lage":"2.17.0"}}
JSON
cat > lage.config.js <<'JS'
module.exports = { npmClient: "npm", pipeline: { build: ["^build"] }, cacheOptions: { outputGlob: ["dist/**"] } };
JS
echo '{"name":"core","version":"1.0.0","scripts":{"build":"sleep 0.1"}}' > packages/core/package.json
app() { echo '{"name":"app","version":"1.0.0","dependencies":{"core":"1.0.0"},"scripts":{"build":"sleep '"$1"'"}}' > packages/app/package.json; }
app 0.1
npm install --no-audit --no-fund --silent >/dev/null
echo node_modules > .gitignore
git init -q .
git add -A
git -c user.name=x -c user.email=x@example.org commit -qm x
run() { # prints the targets in the profile, and what the summary says
	npx lage build --profile "$1.json" --concurrency 2 > "$1.log" 2>&1
	node -e 'const e = JSON.parse(require("fs").readFileSync(process.argv[1])).traceEvents; console.log(e.map((e) => e.name).sort().join(" "))' "$1.json"
	grep -o 'success: [0-9]*, skipped: [0-9]*' "$1.log"
}
first=$(run first)
app 0.2
second=$(run second)
third=$(run third)
printf 'first: %s\nsecond: %s\nthird: %s\n' "${first//$'\n'/; }" "${second//$'\n'/; }" "${third//$'\n'/; }"
[ "$first" = $'app#build core#build\nsuccess: 2, skipped: 0' ] &&
	[ "$second" = $'app#build\nsuccess: 1, skipped: 1' ] &&
	[ "$third" = $'\nsuccess: 0, skipped: 2' ] || { echo "this has changed" >&2; exit 1; }
