// Package redis is the metricsstore.Store of a Redis, or Valkey, of version 6.2 or later, on one server or a cluster,
// which any number of processes on any number of machines share.
//
//	s, err := redis.New(redis.Config{Client: client, Prefix: "dagscope:"})
//
// # Guarantees
//
// All laws of Store hold. All that is kept of a run has one hash tag and changes by one script at a time. What is too
// much for one script is staged first, invisibly, and then put in place by a script that renames keys. The rows of a
// large Append are kept by such a script, too; the next call that reads or adds rows moves them to where they belong.
//
// The index, of all runs and of all roll-ups, is on another server than most runs. A call lists there what it is
// about to put, then puts it, and removes from the index what is gone only after that. So whatever exists is listed,
// wherever a call is cut off, and readers skip what is listed and does not exist. A call that is made again completes
// what was cut off; Compact removes from the index what was left there, and lists runs again that the index has lost.
// How concurrent calls are kept from each other's entries is described in index.go. The index also has roll-ups merged
// by day, which say to the bit what those of the runs say; see history.go.
//
// Errors that pass (no connection, a server that starts, a failover) are waited for until the context ends. A call
// whose answer was lost is made again and does nothing twice. Several services and archivers on one Redis roll
// nothing up twice: the lease of a run, its version and its count of roll-ups are checked by the script that archives
// it.
//
// Damage of one run harms no other: it is listed as far as anything is known of it, Check names it, and Repair
// removes what cannot be read, and sums up anew what is lost of its roll-ups; copies stay for 30 days. There are no
// checksums but those within blocks, so a flipped bit that leaves JSON or a digest readable is not noticed: Redis has
// a checksum of its snapshots and none of what is in its memory.
//
// What was acknowledged is as durable as Redis has it: with appendfsync always nothing is lost, with everysec a crash
// costs up to two seconds, without an append-only file all that happened since the latest snapshot.
//
// # Costs
//
// Append is one script: 0.19 ms for a block of 100 steps and 0.24 ms for one of 1,000 on 2 cores of an EPYC, the
// server on the same machine; with appendfsync always 0.42 and 0.58 ms, where the embedded store took 0.49 and 0.58
// ms on the same disk. Archiving a run of 100,000 tasks whose log has some 3,000 small blocks takes 0.12 s (embedded
// 0.07 s), half of it for folding (go test -bench .). The longest that any script of such a run kept the server from
// other clients was 4 ms, which TestNothingIsSlow holds below 10 ms. A list of runs takes two round trips for each
// 256 runs. A statistic of one metric over 10,000 runs of twelve functions in 90 days takes 1 ms, because whole days are
// read merged (make bench-history); merging takes 0.3 ms a run, once, after every 256 archives or before the statistic
// is read. Deleting a run removes its some ten keys at once and frees them in the background.
//
// # Caveats
//
// Everything is in the memory of Redis: some 11 bytes for each step of an archived run, and the size of the details.
// The index is on one server of a cluster, with some 150 bytes for each run and each roll-up. An Append costs some 5
// µs of the server's time for each block, of which a Recorder sends at most 64. A call may take a day at most between
// what it lists and what it puts. Blocks end with step 2^63-1 at the latest; data of one block, row or attachment is
// limited to 128 MiB. A failover of Redis may lose acknowledged changes, and in a cluster a part of the index alone,
// which Compact mends.
package redis
