// Package environment prepares what programs need around them, Python packages or Node.js modules, ahead of run time
// and outside every task. A Spec is what an environment is made of: lock files, or a folder that exists. A Store is a
// folder in which each of them is prepared once, whichever processes ask for it, and found again by its key.
//
//	store, err := environment.Open(dir)
//	spec, err := environment.Read("requirements.txt")
//	env, err := store.Prepare(ctx, spec, func(p environment.Progress) { … })
//	defer env.Release()
//	cmd.Env = env.Env(base) // the PATH begins with its programs
//
// # Guarantees
//
// The key is a hash of the lock files, the interpreter with version and ABI, the platform, and the wheels in the folder
// that FindLinks names. Two specs with the same key give the same environment, and the second Prepare starts no
// installer.
//
// For each key one process at a time prepares, and the others wait for it: they return the environment that it has
// prepared, or its failure. An environment gets its name only once all of it is on disk, so that whatever kills a
// preparation, power cuts included, leaves nothing that is ever used; its left-overs are removed by the next
// preparation of the same key and by Prune. An environment that is not released is never pruned.
//
// A preparation fails as soon as its installer does, with a FailedError that has the cause and the installer's last
// lines. A failure is shared with those who waited for this preparation, and forgotten by whoever asks afterwards: a
// wheel that has been added meanwhile, or a network that is back, counts at once.
//
// # Costs
//
// Key starts the interpreter once, which takes 20 to 100 ms. An environment that is ready costs two system calls for
// its lock on top of that. A preparation takes what the installer takes, and a wait for the disk at its end.
//
// # Caveats
//
// Lock files without hashes or exact versions give what the index has on the day of the preparation, and keep it. Whoever
// may name lock files may run code, since source packages and npm scripts run while they are installed. An environment
// cannot be moved: its programs name their folder, so a store that was moved prepares everything again. Store needs
// flock, and so Linux, macOS or a BSD; elsewhere only folders that exist can be used. The format of a store is described
// in FORMAT.md.
package environment
