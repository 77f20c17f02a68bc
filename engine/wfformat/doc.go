// Package wfformat reads recorded workflow executions in WfFormat, the JSON schema of the WfCommons project
// (https://github.com/wfcommons/WfFormat, versions 1.4, 1.5 and 1.6). Workflow runs the recorded tasks and edges again,
// scaled down; metricsstore/records/wfformat makes of a recording the run that it is about.
//
// Guarantees: Parse never reads more than MaxBytes, never keeps more than the engine's default limits allow, and
// refuses everything that would make a wrong graph, naming it (see Parse). A file with a byte order mark, or compressed
// by gzip, is equivalent to its content. The same bytes always give the same numbering.
//
// The category of a task is the name of the function that it calls, and so the name in records, digests and lanes. It
// is the first of these that applies: the recorded category (1.4); the task's name, if the id is the name followed by a
// number, as Nextflow records its processes; the recorded program without its folder, if it is one plain word and not a
// script; the task's name without the part that distinguishes instances, which is a sample in parentheses at the end
// and then a number after _, -, ., # or _ID: mProject_ID0000001 is mProject, FASTQC (a1) is FASTQC, bowtie2 stays
// bowtie2.
//
// Costs: parsing streams, at some 30 MB/s; a parsed recording takes about as much memory as the file. A schedule of n
// tasks takes O(n log n), plus a pass over all machines for each task whose machine is not recorded.
//
// Caveats: a recording whose tasks have no start times gets a reconstructed schedule, which is marked as such; if all
// tasks have start times, only the lanes are invented. SCHEDULE.md has the rules. In both cases the makespan of the run
// is the recorded one. Burning cpu spins for a time and not for an amount of work, so on a crowded machine it is less
// work than was recorded. An output that no task reads is not moved.
package wfformat
