// Package chrometrace reads Chrome trace events, the JSON that chrome://tracing and Perfetto display and that many
// tools write as their profile: an object with traceEvents, or only the array of events, closed or not.
//
// Tools are recognised by the content. Traces were seen of Bazel 5, Ray 0.7, the PyTorch profiler of 2024 and 2025
// (Kineto), CMake 4.3 (google-trace and instrumentation), the debug trace of Go 1.26, Turborepo 2.11, Nx 24 and lage
// 2.17. What Bazel 6 to 9, Ray 2 and the time trace of Clang write is known from descriptions. Traces of other tools are
// read by the rules of the format alone; those of Node 20 and of the TypeScript compiler 6 were.
//
// Recorded are spans: complete events, begins with their ends, and asynchronous ones. Each is a task, or several: a
// span that contains others waits for them, as records.Run.AddSpans describes. Flow events are edges. Instants, counters
// and samples are counted and left out. Inferred is which span contains which: on a lane of the trace by time, for
// asynchronous events among those of one ID. Of Bazel, one task for each action is made of all events within it, and
// the chain of the critical path is where edges come from; of Ray, the phases of a task are its attempt; of CMake's
// instrumentation, the commands of a link step are one task, and edges follow from outputs that commands name. Not in the
// format are outcomes, unless a tool adds them, and dependencies other than flows.
//
// Guarantees: events may be in any order, moments are read without loss to the nanosecond, and the same file gives the
// same run. A file that ends too early gives a run that is Incomplete. An array without its bracket is allowed by the
// format and written by tools that do not close it; whether events are missing cannot be known then, so it is
// Incomplete too.
//
// Costs: a trace of 200 MB, read into 800,000 tasks, takes a fifth of what jq -c takes, and at most 800 MB of memory: 64
// bytes for each event and its arguments while the file is read, and half a kilobyte for each task.
//
// Caveats: on lanes that are shared by concurrent work, as Go's lane 0 is, a span may contain another by chance. Slim
// profiles of Bazel, its default, merge short events, and then actions are missing. Moments that lie between 2000 and
// 2100 when they are read as microseconds since 1970 are taken for that.
package chrometrace
