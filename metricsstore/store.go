package metricsstore

import (
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Errors of a Store.
var (
	// ErrNotFound: the run, or the requested part of it, is not kept.
	ErrNotFound = errors.New("metricsstore: not found")
	// ErrExists: another run is kept under this ID.
	ErrExists = errors.New("metricsstore: run exists")
	// ErrConflict: a block overlaps kept blocks and covers steps that they do not.
	ErrConflict = errors.New("metricsstore: block overlaps others")
	// ErrStale: the archive was made from an older state of the run than the one kept.
	ErrStale = errors.New("metricsstore: stale archive")
	// ErrLease: another owner holds the lease of the run, or the caller does not hold it.
	ErrLease = errors.New("metricsstore: lease not held")
	// ErrLive: the run has not ended.
	ErrLive = errors.New("metricsstore: run has not ended")
	// ErrInvalid: an argument breaks a rule, which the text names.
	ErrInvalid = errors.New("metricsstore: invalid argument")
	// ErrCorrupt: bytes are not what they should be.
	ErrCorrupt = errors.New("metricsstore: corrupt data")
	// ErrUnavailable: the store did not answer in time; it may do so later.
	ErrUnavailable = errors.New("metricsstore: the store does not answer")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("metricsstore: closed")
)

// Store keeps runs. The comments are laws, which metricsstoretest holds every back end to.
//
// A call takes effect as a whole or not at all, and its effects are seen by every call that starts after it has
// returned. When a call that changes something returns nil, the change is as durable as the back end promises. Any
// call may be repeated: a repetition changes nothing and succeeds. Methods are safe for concurrent use. They keep no
// reference to what they are given, and what they return must not be modified. A run that is not kept gives
// ErrNotFound, invalid arguments ErrInvalid, bytes that cannot be read ErrCorrupt, and every call after Close
// ErrClosed. A call stops waiting when its context ends; it may take effect nevertheless.
//
// All arguments and results are plain data, so a Store can be reached over a wire.
type Store interface {
	// Begin keeps a new run with the shape of its graph as AttachShape; its annotation has the tags of Header.Info. A
	// run that has not ended may be begun again with the same header, whatever the kept Header.Rollup and the given
	// Header.AddedAt are: that changes nothing. A run that has ended may be begun again with a later Info.Revision
	// and the same Info.StartedAt: header and shape are replaced, except Header.Rollup and Header.AddedAt, which
	// stay; everything else of the run stays, and its log is continued. Anything else is ErrExists. Header.Status
	// must not be final, and Header.Rollup and ArchivedSeq must be 0.
	Begin(ctx context.Context, h Header, shape []byte) error

	// Append keeps what a batch holds and is not kept yet; the order of batches does not matter, before or after the
	// end of the run. A block whose steps are all kept already changes nothing, one of which only some are kept is
	// ErrConflict (see Place). Of two details with one key the first stays; of two worker rows with one key the one
	// with the greater Rank, the first of equals.
	Append(ctx context.Context, run record.RunID, b Batch) error

	// Archive replaces the header of a run except Header.AddedAt, its roll-ups as a whole (those that Archive.Rollups
	// lacks are removed), the attachments that are named, and, where Archive.Blocks is not empty, the blocks that lie
	// between the first and the last step of those. It adds nothing to what was kept, and the annotation stays.
	//
	// The caller must hold the lease of the run (ErrLease; an expired lease that no other owner has acquired still
	// counts). Header.Info.Revision must be the kept one and Header.Rollup one more than the kept one; a Rollup that
	// is not greater changes nothing, a greater one or another revision is ErrStale. Header.Status must be final.
	Archive(ctx context.Context, run record.RunID, a Archive) error

	// Annotate replaces tags and note of a run.
	Annotate(ctx context.Context, run record.RunID, a Annotation) error

	// Delete removes an ended run with everything that is kept under it, roll-ups and lease included, however damaged
	// it is. A run that has not ended gives ErrLive.
	Delete(ctx context.Context, run record.RunID) error

	// Run returns header, annotation and totals of one run. Damage of these is no error: Run.Faults names it, and the
	// rest is returned as far as it can be read.
	Run(ctx context.Context, run record.RunID) (Run, error)

	// Runs lists runs by Position, the latest first: those that follow after, or from the latest where after is zero,
	// and at most limit of them, all for limit 0. A position stays valid when its run is deleted. Damage of one run
	// hides no other: it is listed with Run.Faults.
	Runs(ctx context.Context, after Position, limit int) ([]Run, error)

	// Attachment returns what Begin or Archive kept under a name; ErrNotFound where nothing is.
	Attachment(ctx context.Context, run record.RunID, name string) ([]byte, error)

	// Log lists the blocks that have steps after the given one, ascending, at most limit of them, all for limit 0.
	// The first may begin before. They never overlap, but there may be gaps, which a later Append may fill.
	Log(ctx context.Context, run record.RunID, after uint64, limit int) ([]Block, error)

	// Details lists rows in the order of their keys, starting at the given key, at most limit of them, all for limit
	// 0.
	Details(ctx context.Context, run record.RunID, from DetailKey, limit int) ([]DetailRow, error)

	// Workers lists all worker rows of a run by (Revision, Worker).
	Workers(ctx context.Context, run record.RunID) ([]WorkerRow, error)

	// Rollups lists roll-ups that match the query in the order of their keys, see RollupQuery. One whose data cannot
	// be read is listed without data, so that Rollup.Unpack gives ErrCorrupt. Where the query allows merging, the
	// order is any, and the rows hold together, to the bit, what they would hold without; each run is in one row for
	// each function and metric, or where functions are merged, in one for each metric or in one for each function.
	Rollups(ctx context.Context, q RollupQuery) ([]Rollup, error)

	// Acquire gives the lease of a run to an owner until a moment of the caller's clock: where no owner has it, where
	// the Until of its owner is not after now, or where the caller's owner has it already, which extends or shortens
	// it. Else it is ErrLease. A store that only one process can have open may forget leases when it is closed.
	Acquire(ctx context.Context, run record.RunID, l Lease, now time.Time) error

	// Release releases a lease. It changes nothing where another owner, or none, has it.
	Release(ctx context.Context, run record.RunID, owner string) error

	// Changed returns a channel that is closed once Begin, Append, Archive, Annotate or Delete have changed the run
	// after the call, or the store is closed. The run need not exist.
	Changed(run record.RunID) <-chan struct{}

	// ChangedSince lists the runs that those calls have changed after the change of a number, which is
	// ChangeList.Latest of an earlier call; the list after 0 is Partial. Changes by this process are listed at once,
	// those by another one as soon as this one can read them, or a moment later.
	ChangedSince(ctx context.Context, number uint64) (ChangeList, error)

	// Check looks for broken invariants: blocks of a run overlap; totals of a Run differ from what is kept; something
	// is kept under a run that does not exist; a roll-up is kept under a day other than that of its run's start; a
	// value of the back end's own cannot be read. The error names each. It changes nothing.
	Check(ctx context.Context) error

	// Compact frees space that deleted data took, where the back end can. It may take long and changes nothing that
	// can be read.
	Compact(ctx context.Context) error

	// Close waits for the calls under way and releases what the store holds. What was acknowledged stays. Closing
	// again does nothing.
	Close() error
}

// Swapper is a Store that can put a run in the place of another one.
type Swapper interface {
	// Swap keeps an ended run, in place of the ended one with its ID if there is one, as one change: a reader gets the
	// one or the other, never none or a part. Annotation and Header.AddedAt of what was kept stay, a lease does not. A run
	// that has not ended gives ErrLive. A store that only the owner of its folder can change so, when it belongs to
	// another process, gives errors.ErrUnsupported.
	Swap(ctx context.Context, w *WholeRun) error
}

// Repairer is a Store that can remove what it cannot read.
type Repairer interface {
	// Repair leaves a store in which Check finds nothing. What it removes is set aside, and the runs that lack it are
	// listed with Run.Faults. It does nothing where Check finds nothing.
	Repair(ctx context.Context) (Repaired, error)
}

// Repaired is what a repair has done.
type Repaired struct {
	Aside  []string `json:"aside"`  // where everything still is as it was
	Damage []string `json:"damage"` // what was wrong with the store as a whole
	Lost   []string `json:"lost"`   // what was taken out, of which run
}

// Add appends what a later repair has done.
func (r *Repaired) Add(o Repaired) {
	r.Aside, r.Damage, r.Lost = append(r.Aside, o.Aside...), append(r.Damage, o.Damage...), append(r.Lost, o.Lost...)
}
