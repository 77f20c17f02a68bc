// Package embedded is the metricsstore.Store of a data folder: one bbolt file, which any number of processes of one
// machine share without being configured to.
//
//	s, err := embedded.Open(ctx, embedded.Config{Dir: "dagscope-data"})
//	if err != nil { … } // names path and cause
//	defer s.Close()
//
// # Sharing
//
// The first process that opens the folder becomes its owner: it locks it, opens the file, and serves the whole Store
// on a port of the loopback. The address and a random key are in holder.json next to the lock, which only the user of
// the folder can read. A process that opens the folder later is a client, whose calls go to the owner. When the owner
// closes or dies, the next call of a client makes that client the owner, or finds the process that was faster.
//
// Runs that a client begins, its imports included, do not depend on the owner: their calls are written to
// inbox/<run>.log, record by record with checksums, which their writer locks as long as it lives. The owner adopts logs
// every 0.2 s, and the next owner does when it opens the folder. Reads by the client itself have its logs adopted first,
// so it sees what it wrote. Formats are in FORMAT.md.
//
// # Guarantees
//
// All laws of Store hold for owner and clients alike. When a call that changes something returns nil, the change is on
// disk, in the file or in a log, whatever Durability says: kill -9 or a power cut afterwards loses nothing. Calls under
// way share transactions, see Durability.
//
// A run whose process is gone is archived by the owner, as its log says or else as interrupted: at once where its
// process was a client, when the folder is next opened where it was the owner. Leases are forgotten when a process
// becomes the owner, except those of runs whose process lives.
//
// A full or failing disk gives errors that name path and cause; what was kept stays, and the call can be made again when
// there is space. Where the disk does not say whether it has kept the root of the file, nothing more is written until
// the store is opened again.
//
// Damage affects only the runs that it has hit. Opening, and a call that meets damaged pages, writes what can be read
// into a new file, keeps the damaged file next to it as dagscope.db.damaged-<moment>, and logs that; of one flipped bit,
// wherever it is, that saves all but one row. What a run has lost is in Run.Faults. Config.KeepDamage refuses such a
// file instead.
//
// Values carry checksums that cover their run and key as well, so that neither damage nor a value in a wrong place is
// taken for what was kept. Files of formats 1 and 2 open and get format 3, which their programs refuse; rows written
// before have no such checksums. A flipped bit may go unnoticed in values that are short there, and one that turns a
// reference into that to a page of another run that begins with the very same key may cost both runs that page, as
// nothing in it says whose it is.
//
// A log that is cut off counts up to there. A log that cannot be adopted, and whose writer has not learned so, is set
// aside in the folder inbox and never removed.
//
// # Costs
//
// Measured on 2 cores of an EPYC that others used as well, file system on a virtual disk with 0.6 to 1.4 ms a fsync,
// Durability Each, each call waiting for the disk (go test -bench Append). The floor writes the same packed bytes to
// the end of a file, with fsync after each block.
//
//	block    writers  floor          owner                    client, into its log
//	1,000    1        1.6 M steps/s  1.1 M steps/s, 12.8 B     1.7 M steps/s, 12.1 B
//	1,000    16                      4.1 M steps/s, 11.4 B     3.7 M steps/s, 11.4 B
//	100      1        0.07 M steps/s 0.05 M steps/s, 25.7 B    0.10 M steps/s, 26.7 B
//	100      16                      0.24 M steps/s, 24.6 B    0.44 M steps/s, 21.1 B
//
// Bytes are those of the compacted file for each step; the packed steps themselves are 10.2 B in blocks of 1,000 and
// 12.5 B in blocks of 100, and archiving puts small blocks together. A value takes 4 B for its checksum, which is 3 % of runs
// of ten tasks. A new folder takes 1 MiB. Opening reads the list of free pages, the runs that have not ended, and the heads
// and keys of all pages and a value of most (0.3 s for 128 MiB in the page cache), of files of more than 256 MiB only those
// that runs share; listing runs reads a header of some 500 B each.
//
// # Caveats
//
// The folder must be on a local disk of a system with flock (Linux, macOS, BSD): network file systems do not keep
// such locks. Check and Compact make writes wait, Compact needs space for a second file. An owner that is stopped and
// not dead (SIGSTOP, a debugger) makes the calls of its clients wait until their context ends; their runs
// continue nevertheless. Any process that can read holder.json can do everything. An owner of an older program sets logs
// with records that it does not know aside. Data of one block, row or attachment is limited to 128 MiB.
package embedded
