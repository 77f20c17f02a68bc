#!/usr/bin/env bash
# Snakemake 7.21.0 (Debian): the log of a run has no end and no error of a job whose run: block failed.
#
# A run: block is executed by a second process of Snakemake. If it raises an error, only that process reports it, on the
# standard error that both share, and with the number that the job has there: 0, which is another job in the run. The log
# in .snakemake/log, which Snakemake calls complete, has the start of the job and that the run failed. A job with a shell:
# block that fails is in both, with its own number.
#
# Seen: of the failed jobs 1 (shell) and 2 (run) the log has errors of "1"; standard error has errors of "0 1"; the log has
# the starts of "1 2" and ends with "Complete log:".
#
# dagscope gives such errors to the job with the rule and the outputs, and concludes from a complete log of a failed run
# that jobs without an end failed: metricsstore/records/snakemake/block.go, conclude.go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir packages && cd packages
modules='appdirs attr certifi chardet charset-normalizer configargparse connection-pool datrie decorator docutils fastjsonschema git gitdb
humanfriendly idna jinja2 jsonschema jupyter-core markupsafe nbformat packaging pkg-resources psutil pulp py pyrsistent ratelimiter requests
retry roman six smart-open smmap stopit tabulate throttler toposort traitlets urllib3 wrapt yaml'
# shellcheck disable=SC2046
apt-get -q download 'snakemake=7.21.0-1' $(printf 'python3-%s ' $modules) >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" .; done
cd "$dir"
cat > Snakefile <<'SNAKE'
rule all:
    input: "shell.txt", "run.txt"
rule shell:
    output: "shell.txt"
    shell: "exit 3"
rule run:
    output: "run.txt"
    run:
        raise ValueError("no")
SNAKE
export PYTHONPATH=$dir/packages/usr/lib/python3/dist-packages
/usr/bin/python3 -m snakemake --cores 1 --keep-going --scheduler greedy >/dev/null 2>stderr.txt && { echo "the run succeeded" >&2; exit 1; }
jobs() { grep -A1 "$1" "$2" | sed -n 's/^ *jobid: //p' | sort -u | tr '\n' ' '; }
log=$(echo .snakemake/log/*.log)
seen="log: errors of $(jobs '^Error in rule' "$log"), starts of $(grep -A2 '^rule ' "$log" | sed -n 's/^ *jobid: //p' | sort -u | tr '\n' ' '); stderr: errors of $(jobs '^Error in rule' stderr.txt)"
echo "$seen"
[ "$seen" = 'log: errors of 1 , starts of 1 2 ; stderr: errors of 0 1 ' ] && grep -q '^Complete log:' stderr.txt ||
	{ echo "this has changed" >&2; exit 1; }
