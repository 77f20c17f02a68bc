// Package dask reads what Dask's distributed scheduler records about tasks: the list of get_task_stream, written as
// JSON, and the file that a few lines of Python write (import --snippet dask), which has the graph's dependencies as well. Seen were
// files of distributed 2022.12.
//
// A task is a key. Recorded are its worker, thread (a lane), transfers, computation, the size of its result, and the
// text of its exception. Transfers stand with the task for which they were begun, at the worker that received the data.
// Where the thread did nothing else, they are the task's fetch time; where it computed another task meanwhile, they
// are lines of the log, because a lane executes one task at a time.
//
// Edges are in the file of the snippet only: a task stream has none, and none are concluded from times. With edges,
// Compile gives each worker one shift, because each has its own clock, up to 0.4 s apart. Keys of the graph without a
// record are tasks that never ran, or that were skipped if the file blames another one.
//
// Costs: a file is held in memory with all of its tasks, without the pickled objects in it.
//
// Caveats: a worker measures its shift anew with each heartbeat, so the tasks before and after one can overlap in their
// lane (findings/dask-task-stream-shift.sh); their moments are kept. A task stream is a window that forgets the oldest
// tasks, and it does not say so; its only end mark is the end of the list. A try that failed and was repeated is in
// neither file, only the number of those is in that of the snippet.
package dask
