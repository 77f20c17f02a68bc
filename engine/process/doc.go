// Package process runs one command as a good citizen: with an environment and a working folder of its own, in a process
// group of its own, and without anything left of it afterwards. It knows nothing of graphs, tasks and stores.
//
// Run starts a command and waits for it; Start and Wait do the same in two steps, for a process that is worked with while
// it runs. A command that is no longer wanted is asked to end, and killed after a grace; in any case its whole group has
// ended when Run returns. The result has the exit code or the signal, the end of what was printed, and what the command
// used. Lines of output arrive while it runs.
//
// A command costs one thread while it runs, since the kernel kills it when the thread that started it ends, and a buffer
// of 32 KiB for each of its two streams, however much it prints. A program that does nothing takes less than 1.5 times as
// long as by posix_spawn(3) and wait(2).
//
// Caveats: a process that leaves the group (setsid) is not found. A process that keeps the output open after the end of
// the command is not waited for. Where a process group is unknown, as on Windows, only the command itself is killed. Only
// on Linux do commands always end when this process is killed, and are memory and bytes measured.
package process
