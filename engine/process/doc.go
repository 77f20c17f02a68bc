// Package process runs one command as a good citizen: with an environment and a working folder of its own, in a process
// group of its own, and without anything left of it afterwards. It knows nothing of graphs, tasks and stores.
//
// Run starts a command and waits for it; Start and Wait do the same in two steps, for a process that is worked with while
// it runs. A command that is no longer wanted is asked to end, and killed after a grace; in any case its whole group has
// ended when Run returns. The result has the exit code or the signal, the end of what was printed, and what the command
// used. Lines of output arrive while it runs.
//
// When this process ends, however it ends, a shell next to it kills the groups that still run. Where this process may make
// cgroups of version 2 below its own, each command has one: then processes that have left the group are killed too, what
// all of them used is counted, and with the controller memory the kernel enforces the limit. A service of systemd needs
// Delegate=yes for that; a container needs a writable /sys/fs/cgroup.
//
// A command costs one thread while it runs, since the kernel kills it when the thread that started it ends, and a buffer
// of 32 KiB for each of its two streams, however much it prints. A program that does nothing takes less than 1.5 times as
// long as by fork, exec and wait alone (BenchmarkRun).
//
// Caveats: without a cgroup, a process that leaves the group (setsid) is not found, and one that keeps the output open
// after the end of the command is not waited for. On Windows only the command itself is killed, and nothing when this
// process ends. Only Linux limits memory, and measures it and bytes while a command runs.
package process
