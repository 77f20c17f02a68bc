// Package app is the command line of dagscope. A program with workflows of its own is a main function that hands them
// to Main; it then has every command, with its workflows beside or in place of the built-in ones.
//
// # Commands
//
//	serve           serve the dashboard and the API, and run what is submitted there
//	run WORKFLOW    run a workflow and record it; --set NAME=VALUE sets a parameter
//	worker          execute tasks of runs that were submitted elsewhere, over Redis
//	workflows       list the workflows with their parameters, kinds, ranges and defaults
//	demo            run every workflow once and show results and the slowest functions
//	runs            list runs, by workflow, status, tag and time
//	tasks RUN       list the attempts of a run, by function, outcome and worker, in any order
//	stats [RUN]     percentiles, mean and range of any metric, of one run or across runs
//	logs RUN [TASK] show what attempts logged, and error and stack of those that failed
//	result RUN      print what a run returned
//	cancel RUN...   end runs that are under way; pause and resume hold them up and let them go on
//	retry RUN       go on with a run that failed or was cancelled, where runs are shared; else run the same once more
//	import FILE...  take in archives and recordings in WfFormat
//	export RUN      write a run as archive, for Chrome's and Perfetto's trace viewers, as CSV or as NDJSON
//	delete RUN...   remove runs
//	prune           remove runs that are too old, too many or too large; those tagged keep stay
//	tag RUN TAG...  add or remove tags, set a note
//	compact         give back the space of what was deleted
//	check           look for damage, and with --repair take out what cannot be read
//	bench           measure the engine beside its floor on this machine
//	version         show what the program was built from
//	completion      print a script for bash, zsh or fish
//
// A run is named by its id, by any beginning or end of the id that no other run has, or by the word last. Records lie
// in the folder that --data or DAGSCOPE_DATA names, ./dagscope-data by default. With --json every command prints one
// JSON value on standard output and nothing else there: names are in snake_case, durations whole nanoseconds in names
// that end with _ns, moments RFC 3339. Without it, tables are for people: durations have two units or three figures,
// bytes IEC units, "=" is exact, "≈" has its bound beside it. Progress and errors go to standard error, progress as a
// bar where that is a terminal. NO_COLOR takes the colours away.
//
// # Exit codes
//
//	0    it is done
//	1    a run failed, or what was asked for could not be done
//	2    the command line asks for what does not exist or cannot be; the message says what was expected
//	3    the store, or a server, cannot be reached
//	130  ended by Ctrl-C; 143 by SIGTERM
//
// The first Ctrl-C or SIGTERM cancels the run under way, and the process ends once that is recorded; a second one ends
// the process at once. What a killed process had recorded stays, and its run is shown as interrupted. For serve a signal
// is how it ends, so its exit code is then 0: it accepts no more runs, gives tasks three seconds to finish, records the
// runs under way as cancelled, and closes the pages last.
//
// # Serving
//
// The first line that serve prints on standard output has the address, once it answers; its log goes to standard error.
// Whatever can be reached from other machines needs --token-file. Behind a server that passes requests on, --host names
// it and --base-path the path. Several servers, and every other command, can use one data folder at a time: each shows
// the runs of all, and its page controls its own.
//
// # Controlling runs
//
// The commands cancel, pause and resume reach whoever executes a run: the processes that work on the folder of --data,
// each of which leaves its address there; over --redis all processes that share the run; with --server the service
// there, which knows its own folder or Redis. With --server they and logs, result and retry need no folder, and
// --token-file where the service asks for a token. Whoever can read the folder can control its runs.
//
// # Sharing runs
//
// With --redis or DAGSCOPE_REDIS runs are in Redis, and any number of processes work on them: serve and worker on every
// run of whose functions they have one, and run on its own run where --workers is given. A run goes on, and ends,
// whatever happens to the process that has submitted it. Records are in the same Redis, or with --metrics
// embedded in the folder of --data; serve records what nobody else does. While a run stands still the command run
// tells why: Redis does not answer, no worker is there, or none has a function that it calls. A signal then ends serve
// and worker without ending runs: tasks get three seconds in serve and twenty in worker, and what is left is given
// back. Deleting the record of a run deletes what Redis has of its state.
//
// # Guarantees and costs
//
// Files that parameters name are read before the run, by this process alone; tasks get their content. When run
// returns, everything that it recorded is in the store, or the report says how much is not. A run costs what engine
// and metricsstore say, and the start of the program some 10 ms.
//
// Caveats: a body that ignores its context delays the end after Ctrl-C by ten seconds; --workers bounds processors
// and not tasks that sleep or wait; statistics across runs leave out runs that were imported with a reconstructed
// schedule.
package app
