#!/usr/bin/env bash
# turbo 2.11.11 leaves tasks that it stopped out of the summary of a run.
#
# Of two packages without dependencies, one fails after a second while the other is still at work, and is stopped. The
# summary that `turbo run build --summarize` writes counts both as attempted. Its list of tasks has only the one that
# failed: the other one, which had a slot for as long, is there neither with its times nor by name, and no count says
# that it was stopped. So the tasks of a summary do not add up to what the run did, and less the more runs in parallel.
#
# Seen: attempted 2, success 0, failed 1, cached 0, and one task.
#
# dagscope's reader says how many tasks were started and are missing: metricsstore/records/turborepo.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"name":"demo","private":true,"workspaces":["p/*"],"packageManager":"npm@10.0.0"}' > package.json
echo '{"tasks":{"build":{"dependsOn":["^build"],"cache":false}}}' > turbo.json
mkdir -p p/boom p/longer
echo '{"name":"boom","version":"1.0.0","scripts":{"build":"sleep 1; exit 7"}}' > p/boom/package.json
echo '{"name":"longer","version":"1.0.0","scripts":{"build":"sleep 20"}}' > p/longer/package.json
git init --quiet .
npm install --no-audit --no-fund --loglevel=error turbo@2.11.11 >/dev/null 2>&1
export TURBO_TELEMETRY_DISABLED=1 TURBO_NO_UPDATE_NOTIFIER=1
npx turbo run build --summarize --concurrency=2 >turbo.log 2>&1 && { echo "expected the run to fail"; exit 1; }
node - .turbo/runs/*.json <<'JS'
const { execution: e, tasks } = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
const names = tasks.map((t) => t.taskId);
console.log(`attempted ${e.attempted}, success ${e.success}, failed ${e.failed}, cached ${e.cached}, tasks: ${names}`);
const missing = e.attempted - e.success - e.failed - e.cached;
if (missing !== 1 || names.length !== 1 || JSON.stringify(tasks).includes("longer")) {
  console.error("this has changed: the task that was stopped is in the summary");
  process.exit(1);
}
JS
