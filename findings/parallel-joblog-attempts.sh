#!/usr/bin/env bash
# GNU parallel 20221122 (Debian): the job log has no attempts before the last one, and no jobs that were stopped.
#
# With --retries a job that fails is run again. The log that --joblog writes has one line for it, with the start, the
# runtime and the exit value of the last attempt: a job that failed twice looks like one that succeeded at once, and the
# time of its failures is in no line. With --halt now,fail=1 the jobs that were running when another failed are stopped,
# and have no line at all.
#
# Seen: job 2 of three ran 3 times, at least 0.6 s each of the first two, and its line says exit value 0 and less than
# 0.6 s, with a gap of more than 1.2 s before its start; of two jobs, of which one fails while the other runs, the log
# has only the one that failed.
#
# dagscope says so in a note on each such run, and takes the gap for idle time: metricsstore/records/parallel/parallel.go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir packages && cd packages
apt-get -q download 'parallel=20221122+ds-2' >/dev/null 2>&1
dpkg -x ./parallel_*.deb .
cd "$dir"
export HOME=$dir
mkdir .parallel && touch .parallel/will-cite
parallel() { perl packages/usr/bin/parallel "$@"; }
cat > job.sh <<'JOB'
tries=$(($(cat "tries.$1" 2>/dev/null || echo 0) + 1))
echo $tries > "tries.$1"
[ "$1" != 2 ] || [ $tries = 3 ] || { sleep 0.6; exit 7; }
sleep 0.1
JOB
parallel --retries 3 --joblog retries.tsv -j1 sh job.sh '{}' ::: 1 2 3
parallel --halt now,fail=1 --joblog halt.tsv -j2 'sleep {}; [ {} = 9 ]' ::: 9 0.2 2>/dev/null && { echo "the run succeeded" >&2; exit 1; }
seen=$(awk -F'\t' 'NR > 1 { n++; gap = $1 == 2 ? $3 - end : gap; end = $3 + $4 } $1 == 2 { exit_value = $7; short = $4 < 0.6 }
	END { print n " lines, job 2: exit value " exit_value ", short " short ", gap " (gap > 1.2) }' retries.tsv)
seen="$seen; it ran $(cat tries.2) times; halted: $(awk -F'\t' 'NR > 1 { print $1 }' halt.tsv | tr '\n' ' ')"
echo "$seen"
[ "$seen" = '3 lines, job 2: exit value 0, short 1, gap 1; it ran 3 times; halted: 2 ' ] || { echo "this has changed" >&2; exit 1; }
