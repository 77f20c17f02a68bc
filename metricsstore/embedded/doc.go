// Package embedded is the metricsstore.Store of a data folder: one bbolt file, which any number of processes of one
// machine share without being asked to.
//
//	s, err := embedded.Open(ctx, embedded.Config{Dir: "dagscope-data"})
//	if err != nil { … } // names path and cause
//	defer s.Close()
//
// # Sharing
//
// The first process that opens the folder becomes its holder: it locks it, opens the file, and serves the whole Store
// on a port of the loopback. Address and a random key are in holder.json beside the lock, which only the owner of the
// folder can read. Every process that opens it later is a guest, whose calls go to the holder. When the holder closes
// or dies, the next call of a guest makes that guest the holder, or finds the one that was faster.
//
// Runs that a guest begins, its imports included, need nobody: their calls are written to inbox/<run>.log, record by
// record with checksums, and locked by their writer as long as it lives. The holder adopts logs every 0.2 s, and the
// next holder when it opens the folder. Reads by the guest itself have its logs adopted first, so it sees what it
// wrote. Formats are in FORMAT.md.
//
// # Guarantees
//
// All laws of Store hold for holder and guests alike. When a call that changes something returns nil, the change is on
// disk, in the file or in the inbox, whatever Durability says: kill -9 or a power cut afterwards loses nothing. Calls
// under way share transactions, see Durability. A run whose process is gone is archived as interrupted, or as its log
// tells, by the holder: at once for logs in the inbox, when the folder is next taken for a holder's own runs. Leases
// are forgotten when the folder is taken, except those of runs whose process lives. A full or failing disk is told by
// errors that name path and cause; what was kept stays, and the call can be made again when there is space. Where the
// disk does not say whether it has kept the root of the file, nothing more is written until the store is opened again.
// Damage is kept to the runs that it has hit. Opening, and a call that meets damaged pages, writes what can be read into a
// new file, leaves the file as it was beside it as dagscope.db.damaged-<moment>, and says so in the log; with one flipped bit,
// wherever it is, that is all but one row. What a run has lost is in Run.Faults. Config.KeepDamage refuses such a file instead.
// Values carry checksums that cover their run and key as well, so that what is damaged or stands elsewhere is not taken for
// what was kept. Files of formats 1 and 2 open and get format 3, which their programs refuse; rows written before have no such
// checksums. A flipped bit may go unnoticed in what is short there, and one that makes a reference lead to a page of
// another run that begins with the very same key may cost both runs that page, as nothing in it says whose it is.
// A log that is cut off counts up to there. A log that cannot be adopted, and whose writer has not learned so, is put aside
// in the inbox and never removed.
//
// # Costs
//
// Measured on 2 cores of an EPYC that others used as well, file system on a virtual disk with 0.6 to 1.4 ms a fsync,
// Durability Each, each call waiting for the disk (go test -bench Append). The floor writes the same packed bytes to
// the end of a file, with fsync after each block.
//
//	block    writers  floor          holder                    guest, into its inbox
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
// such locks. Check and Compact make writes wait, Compact needs space for a second file. A holder that is stopped and
// not dead (SIGSTOP, a debugger) makes the calls of its guests wait until their context ends; their runs go on all
// the same. Whoever can read holder.json can do everything. A holder of an older program puts records that it does
// not know aside. Data of one block, row or attachment is limited to 128 MiB.
package embedded
