// Package app is the command line of dagscope. A program with workflows of its own is a main function that passes them to
// Main; it then has every command, with its workflows in addition to or instead of the built-in ones.
//
// # Commands
//
//	serve           serve the dashboard and the API, and execute runs submitted there
//	run WORKFLOW    execute a workflow and record it; --set NAME=VALUE sets a parameter
//	worker          execute tasks of runs that other processes share over Redis
//	workflows       list the workflows with their parameters, kinds, ranges and defaults
//	demo            execute every workflow once and show results and the slowest functions
//	runs            list runs, by workflow, status, tag and time
//	tasks RUN       list the attempts of a run, by function, outcome and worker, in any order
//	stats [RUN]     percentiles, mean and range of any metric, of one run or across runs
//	logs RUN [TASK] show what attempts logged, and error and stack of those that failed
//	result RUN      print what a run returned
//	cancel RUN...   cancel active runs; pause and resume suspend and continue them
//	retry RUN       continue a failed or cancelled run if runs are shared; otherwise execute the same again
//	import FILE...  import archives and recordings in WfFormat
//	export RUN      write a run as archive, for Chrome's and Perfetto's trace viewers, as CSV or as NDJSON
//	delete RUN...   remove runs
//	prune           remove runs that are too old, too many or too large; those tagged keep stay
//	tag RUN TAG...  add or remove tags, set a note
//	compact         return the space of deleted runs to the file system
//	check           look for damage, and with --repair remove what cannot be read
//	bench           measure the engine on this machine next to the least a Go program needs
//	version         show what the program was built from
//	completion      print a script for bash, zsh or fish
//
// A run is named by its ID, by any beginning or end of the ID that no other run has, or by the word last. Records are in
// the folder that --data or DAGSCOPE_DATA names, ./dagscope-data by default. With --json every command prints one JSON
// value on standard output and nothing else: names are in snake_case, durations are whole nanoseconds in names that end
// with _ns, moments are RFC 3339. Without it, commands print tables: durations have two units or three digits, bytes have
// IEC units, "=" is exact, "≈" is followed by its bound. Progress and errors go to standard error, progress as a bar if
// that is a terminal. NO_COLOR switches colours off.
//
// # Exit codes
//
//	0    success
//	1    a run failed, or the command could not be completed
//	2    the command line asks for something that does not exist or is not possible; the message says what was expected
//	3    the store, or a service, cannot be reached
//	130  ended by Ctrl-C; 143 by SIGTERM
//
// The first Ctrl-C or SIGTERM cancels the active run, and the process ends once that is recorded; a second one ends the
// process at once. What a killed process had recorded stays, and its run is shown as interrupted. A signal is the normal
// end of serve, so its exit code is then 0: it accepts no more runs, gives tasks three seconds to finish, records active
// runs as cancelled, and stops the web server last.
//
// # Serving
//
// Once serve answers, it prints its address as the first line on standard output; its log goes to standard error. An
// address that other machines can reach requires --token-file. Behind a reverse proxy, --host is the name of the proxy and
// --base-path its path. Several services and other commands can use one data folder at the same time: each service shows
// the runs of all processes and can control them.
//
// # Controlling runs
//
// The commands cancel, pause and resume reach the process that executes a run: one that works on the folder of --data,
// where each process leaves its address; with --redis, all processes that share the run; with --server, that service,
// which knows its own folder or Redis. With --server they, and logs, result and retry, need no folder; they need
// --token-file if the service requires a token. Any user who can read the folder can control its runs.
//
// # Sharing runs
//
// With --redis or DAGSCOPE_REDIS the state of runs is in Redis, and any number of processes execute them: serve and worker
// take tasks of every run with a function they have, and the command run takes tasks of its own run if --workers is given.
// A run continues, and ends, whatever happens to the process that submitted it. Records are in the same Redis, or with
// --metrics embedded in the folder of --data; serve records runs that no other process records. While a run stalls, the
// command run reports why: Redis does not answer, there is no worker, or no worker has a function that the run calls. A
// signal ends serve and worker without ending runs: tasks get three seconds in serve and twenty in worker, and claims that
// are left are released. Deleting the record of a run deletes its state in Redis.
//
// # Guarantees and costs
//
// Files that parameters name are read before the run, by this process only; tasks get their content. When the command run
// returns, everything it recorded is in the store, or its report says how much is missing. For the costs of a run see
// packages engine and metricsstore; the program starts in about 10 ms.
//
// Caveats: a body that ignores its context delays the end after Ctrl-C by ten seconds; --workers bounds processors, not
// tasks that sleep or wait; statistics of schedules across runs leave out imported runs.
package app
