package metricsstore

import (
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// What a Store refuses, and how it says so.
var (
	// ErrNotFound: the run, or the part of it that was asked for, is not there.
	ErrNotFound = errors.New("metricsstore: not found")
	// ErrExists: the run is there already and is not the one that was given.
	ErrExists = errors.New("metricsstore: run exists")
	// ErrConflict: a block covers some of the steps that are kept, but not only those.
	ErrConflict = errors.New("metricsstore: block overlaps others")
	// ErrStale: what was given is made from an older state of the run than the one kept.
	ErrStale = errors.New("metricsstore: stale archive")
	// ErrLease: somebody else holds the lease of the run, or the caller does not hold it.
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
// returned. When a call that changes something returns nil, the change is as durable as the back end promises.
// Any call may be repeated: a repetition changes nothing and succeeds. Methods are safe for concurrent use. They keep
// no reference to what they are given, and what they return must not be modified. A run that is not there gives
// ErrNotFound, invalid arguments ErrInvalid, bytes that cannot be read ErrCorrupt, and every call after Close
// ErrClosed. A call stops waiting when its context ends; it may take effect all the same.
//
// All arguments and results are plain data, so a Store can be reached over a wire.
type Store interface {
	// Begin keeps a new run with the shape of its graph as AttachShape; its annotation has the tags of
	// Header.Info. A run that has not ended may be begun again with the same header, whatever the kept Header.Rollup
	// and the given Header.AddedAt are: that changes nothing. A run that has ended may be begun again with a later
	// Info.Revision and the same Info.StartedAt: header and shape are replaced, except Header.Rollup and
	// Header.AddedAt, which stay; everything else of the run stays, its log is continued. Anything else is ErrExists. Header.Status must not be final, and Header.Rollup and
	// ArchivedSeq must be 0.
	Begin(ctx context.Context, h Header, shape []byte) error

	// Append keeps what a batch holds and was not there before; the order of batches does not matter, before or
	// after the end of the run. A block whose steps are all kept already changes nothing, one of which only some are
	// kept is ErrConflict (see Place). Of two details with one key the first stays; of two worker rows with one key
	// the one with the greater Rank, the first of equals.
	Append(ctx context.Context, run engine.RunID, b Batch) error

	// Archive replaces the header of a run except Header.AddedAt, its roll-ups as a whole (those it has and Archive.Rollups has not are
	// gone), the attachments that are named, and, where Archive.Blocks is not empty, the blocks that lie between the
	// first and the last step of those. It adds nothing to what was there, and the annotation stays.
	// The caller must hold the lease of the run (ErrLease; an expired lease that nobody else has taken still counts).
	// Header.Info.Revision must be the kept one and Header.Rollup one more than the kept one; a Rollup that is not
	// greater changes nothing, a greater one or another revision is ErrStale. Header.Status must be final.
	Archive(ctx context.Context, run engine.RunID, a Archive) error

	// Annotate replaces tags and note of a run.
	Annotate(ctx context.Context, run engine.RunID, a Annotation) error

	// Delete removes an ended run with everything that is kept under it, roll-ups and lease included, however damaged
	// it is. A run that has not ended gives ErrLive.
	Delete(ctx context.Context, run engine.RunID) error

	// Run gives header, annotation and totals of one run. Damage of these gives no error: Run.Faults names it, and the
	// rest is as far as it can be read.
	Run(ctx context.Context, run engine.RunID) (Run, error)

	// Runs lists runs by Position, the latest first: those behind after, or from the latest where after is zero, and
	// at most limit of them, all for limit 0. A position stays good when its run is deleted. Damage of one run hides no
	// other: it is listed with Run.Faults.
	Runs(ctx context.Context, after Position, limit int) ([]Run, error)

	// Attachment gives what Begin or Archive kept under a name; ErrNotFound where nothing is.
	Attachment(ctx context.Context, run engine.RunID, name string) ([]byte, error)

	// Log lists the blocks with steps behind seq after, ascending, at most limit of them, all for limit 0. The first
	// may begin before. There are no overlaps, but there may be gaps, which a later Append may fill.
	Log(ctx context.Context, run engine.RunID, after uint64, limit int) ([]Block, error)

	// Details lists rows in the order of their keys from the key given, itself included, at most limit of them, all
	// for limit 0.
	Details(ctx context.Context, run engine.RunID, from DetailKey, limit int) ([]DetailRow, error)

	// Workers lists all worker rows of a run by (Revision, Worker).
	Workers(ctx context.Context, run engine.RunID) ([]WorkerRow, error)

	// Rollups lists roll-ups that match the query in the order of their keys, see RollupQuery. One whose data cannot be
	// read has none, so that Rollup.Unpack gives ErrCorrupt. Where the query allows to merge, the order is any, and what
	// the rows hold together is the same to the bit as without; each run stands in one row for each function and metric,
	// or where functions are merged, in one for each metric or in one for each function.
	Rollups(ctx context.Context, q RollupQuery) ([]Rollup, error)

	// Acquire gives the lease of a run to an owner until a moment of the caller's clock: where nobody holds it, where
	// the holder's Until is not after now, or where the owner holds it already, which extends or shortens it. Else it
	// is ErrLease. A store that only one process can have open may forget leases when it is closed.
	Acquire(ctx context.Context, run engine.RunID, l Lease, now time.Time) error

	// Release gives a lease back. It changes nothing where somebody else, or nobody, holds it.
	Release(ctx context.Context, run engine.RunID, owner string) error

	// Changed gives a channel that is closed once Begin, Append, Archive, Annotate or Delete have changed the run after
	// the call, or the store is closed. The run need not exist.
	Changed(run engine.RunID) <-chan struct{}

	// ChangedSince lists the runs that those calls have changed after the change of a number, which is ChangeList.Latest
	// of a call before; the list after 0 is Partial. What this process has changed is listed at once, what another one
	// has as soon as this one can read it, or a moment later.
	ChangedSince(ctx context.Context, number uint64) (ChangeList, error)

	// Check looks for broken invariants: blocks of a run overlap; totals of a Run differ from what is kept; something
	// is kept under a run that is not there; a roll-up is kept under a day other than that of its run's start; a value
	// of the back end's own cannot be read. The error names each. It changes nothing.
	Check(ctx context.Context) error

	// Compact gives back space that deleted data took, where the back end can. It may take long and changes nothing
	// that can be read.
	Compact(ctx context.Context) error

	// Close waits for the calls under way and releases what the store holds. What was acknowledged stays. Closing
	// again does nothing.
	Close() error
}

// Repairer is a Store that can take out what it cannot read.
type Repairer interface {
	// Repair leaves a store in which Check finds nothing. What it takes out stays aside, and the runs that lack it are
	// listed with Run.Faults. It does nothing where Check finds nothing.
	Repair(ctx context.Context) (Repaired, error)
}

// Repaired is what a repair has done.
type Repaired struct {
	Aside  []string `json:"aside"`  // where everything still is as it was
	Damage []string `json:"damage"` // what was wrong with the store as a whole
	Lost   []string `json:"lost"`   // what was taken out, of which run
}

// Add joins what was done after it.
func (r *Repaired) Add(o Repaired) {
	r.Aside, r.Damage, r.Lost = append(r.Aside, o.Aside...), append(r.Damage, o.Damage...), append(r.Lost, o.Lost...)
}
