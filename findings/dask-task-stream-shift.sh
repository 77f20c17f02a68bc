#!/usr/bin/env bash
# Dask distributed 2022.12.1 (Debian): the moments of one worker in the task stream are of several clocks.
#
# A worker adds to its moments what it believes the scheduler's clock to be ahead of its own: the moment in the scheduler's
# answer minus the middle of the request. It measures that when it registers, and again with each heartbeat. If something
# keeps the scheduler busy while a worker registers, the first tasks are shifted by half of that, and later ones are not,
# though worker and scheduler share one machine and one clock. So a task can start, by the record, before the one before it
# in the same thread had ended, and one shift for each worker does not correct that.
#
# Seen with a scheduler that is busy for 0.4 s during the registration: tasks of 50 ms, each begun by the clock of its own
# process, are recorded -40 to 205 ms after that; two pairs of tasks in one thread overlap by 183 and 198 ms.
#
# dagscope keeps the recorded moments, says how many lanes have attempts that overlap, and puts these in other lanes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download python3-distributed=2022.12.1+ds.1-3 python3-dask=2022.12.1+dfsg-2 python3-msgpack=1.0.3-2+b1 \
	python3-cloudpickle=2.2.0-1 python3-click=8.1.3-2 python3-locket=1.0.0-1 python3-sortedcontainers=2.4.0-2 \
	python3-tblib=1.7.0-3 python3-toolz=0.12.0-1 python3-zict=2.2.0-1 python3-heapdict=1.0.1-2 python3-partd=1.3.0-1 \
	python3-fsspec=2022.11.0-1 'python3-tornado=6.2.0-3*' 'python3-psutil=5.9.4*' 'python3-yaml=6.0-3*' \
	'python3-urllib3=1.26.12-1*' 'python3-jinja2=3.1.2-1*' 'python3-markupsafe=2.1.2-1*' 'python3-packaging=23.0-1*' \
	'python3-six=1.16.0-4*' >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" .; done
cat > shift.py <<'PY'
import time

from distributed import Client, LocalCluster, get_task_stream
from distributed.diagnostics.plugin import SchedulerPlugin


class Busy(SchedulerPlugin):
    def add_worker(self, scheduler=None, worker=None, **kwargs):
        time.sleep(0.4)


def work(n):
    began = time.time()
    time.sleep(0.05)
    return began


if __name__ == "__main__":
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster, Client(cluster) as client:
        cluster.scheduler.add_plugin(Busy())
        with get_task_stream(client) as stream:
            futures = client.map(work, range(60))
            cluster.scale(1)
            began = dict(zip([f.key for f in futures], client.gather(futures)))
    tasks = sorted((began[t["key"]], t["thread"], t["startstops"][-1]) for t in stream.data)
    shifts = [times["start"] - own for own, _, times in tasks]
    ended, overlaps = {}, []
    for _, thread, times in tasks:
        if times["start"] < ended.get(thread, 0) - 0.1:
            overlaps.append(ended[thread] - times["start"])
        ended[thread] = times["stop"]
    print("%d tasks of one worker are shifted by %.0f to %.0f ms; %d overlap with the one before in their thread by %s ms" % (
        len(tasks), 1e3 * min(shifts), 1e3 * max(shifts), len(overlaps), ", ".join("%.0f" % (1e3 * o) for o in overlaps)))
    if max(shifts) - min(shifts) < 0.1 or not overlaps:
        print("this has changed: the worker's moments are of one clock")
        raise SystemExit(1)
PY
PYTHONPATH="$dir/usr/lib/python3/dist-packages" timeout 120 /usr/bin/python3 -S shift.py 2>errors || { tail -5 errors >&2; exit 1; }
