// Package airflow reads task instances of Airflow 2 and 3, as GET …/taskInstances of its REST API (v1 and v2) lists
// them, and as "airflow tasks states-for-dag-run -o json" prints them. It was made from the documented fields, not from
// recordings.
//
// A run is a DAG run. Files that may lie beside the list: the run or runs (GET …/dagRuns), the tries of task instances
// (GET …/tries), which are task instances too, and the structure, as GET …/tasks or the page's structure_data. Only
// the structure has edges, so without it there are none. Rows of one task instance are merged: its tries are attempts.
//
// Recorded are states, moments, hosts and the number of tries. Tries before the last that no file has are failed
// attempts without moments. A task that the scheduler marked without running it (try number 0 and no host) has no
// worker. Tasks whose state is skipped or upstream_failed are skipped, unless a worker ran them. With trigger rules
// that do not wait for all (one_success, one_failed, one_done, always), only the tasks that had ended before count as
// dependencies.
//
// Costs: a file is held in memory as a whole. Two mapped tasks of m and n instances need no m·n edges: where there would
// be many, tasks become groups.
//
// Caveats: a list may be one page of several; it is incomplete if its total is larger than its length. What ran within a
// deferred or rescheduled task is not recorded. Instances of mapped task groups wait for all instances before them
// here, though Airflow waits only for those with the same index.
package airflow
