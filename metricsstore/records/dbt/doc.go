// Package dbt reads run_results.json (and sources.json) of dbt 0.19 to 1.12 with the manifest.json next to it, and what
// older versions wrote as far as it has the same members. One file is one run, known by its invocation ID.
//
// Recorded are nodes with their status, thread, and the two phases of each: an attempt is claimed when it begins to
// compile and starts when it begins to execute. The work of hooks lies in the first phase, as it does when dbt only
// compiles (compile, docs generate, list), so there the body is both; then "success" says nothing about models or tests,
// and a note says so. Errors of dbt 1.0 have a duration and no moments. Skipped nodes name a thread that did not run them.
//
// Dependencies are those of the manifest, by unique IDs. They lead over nodes that are not in the results, such as
// ephemeral models, as dbt orders by them too. Inferred and counted in notes are those that dbt adds: dbt build tests
// a node before what depends on it, and unit tests a model before it is made; hooks run before and after all others.
// A manifest of another invocation is used for dependencies only, and a note says so.
//
// Guarantees: a thread is one lane. Nodes without an attempt were skipped or never ran.
//
// Costs: memory in proportion to the results and to the IDs and dependencies of the manifest.
//
// Caveats: results are written when dbt ends, so a run that was killed has none, or those of the run before. An
// invocation has one attempt for each node; dbt retry is another invocation. The run starts, as far as is recorded,
// elapsed_time before the file was written, after parsing.
package dbt
