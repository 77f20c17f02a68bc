package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Backend keeps the ledgers of runs and all else that processes share. engine/state/redis is one; tests use the model.
// Errors that can pass (a lost connection, a failover, a server that loads) are retried inside, until ctx ends; so an
// answer may be lost while its call took effect, which ledger.Commit.Number makes harmless. Safe for concurrent use.
type Backend interface {
	// Create keeps a run and makes its roots ready; engine.ErrRunExists where the ID is taken.
	Create(ctx context.Context, r NewRun) error
	// Active lists the runs whose end has not been kept by Finish; Ended those where it has, until they are deleted or
	// expire, the latest first, at most 1,000.
	Active(ctx context.Context) ([]engine.RunID, error)
	Ended(ctx context.Context) ([]engine.RunID, error)
	// Open reads what Create kept; engine.ErrUnknownRun where nothing is.
	Open(ctx context.Context, run engine.RunID) (Stored, error)
	// Peek is Open without Job, Graph and Constants: for asking how a run stands.
	Peek(ctx context.Context, run engine.RunID) (Stored, error)

	// Commit carries out commits of one session, in order and in one round trip; the replies of those behind one that
	// was not Applied or Repeated are Malformed. The store's time replaces Now.
	Commit(ctx context.Context, run engine.RunID, calls []Call) ([]ledger.Reply, error)
	// Do carries out any other operation. Record is kept with Open as the worker's record, and with Stop as the run's
	// first error, where it is the first.
	Do(ctx context.Context, run engine.RunID, op ledger.Op, record []byte) (ledger.Reply, error)

	// PutOutput stores a large output under a key of its own, before the Commit that tells of it.
	PutOutput(ctx context.Context, run engine.RunID, key string, value []byte) error
	// Outputs gets what was given with Call.Outputs, nil for nodes of which nothing was, in the order asked for. Values
	// that were put under a key come with it, in the same call where the back end can.
	Outputs(ctx context.Context, run engine.RunID, nodes []engine.NodeID) ([]Output, error)

	// Log gives entries behind a position, in order, at most limit; it waits up to wait for the first.
	Log(ctx context.Context, run engine.RunID, after Position, limit int, wait time.Duration) ([]Entry, error)
	// AddDetails appends what is known of attempts beside the log; Details reads it behind a position.
	AddDetails(ctx context.Context, run engine.RunID, blobs [][]byte) error
	Details(ctx context.Context, run engine.RunID, after Position, limit int) ([]Blob, error)

	// Wake tells idle workers that tasks of these functions can be claimed in run, as a hint; the name "" stands for the
	// engine's own nodes. Sleep waits for a hint for one of the functions, or for wait; it gives the run, empty when it
	// was not woken.
	Wake(ctx context.Context, run engine.RunID, functions []string, n int) error
	Sleep(ctx context.Context, functions []string, wait time.Duration) (engine.RunID, error)
	// News calls told for each run that was stopped, paused, resumed, created or has ended, as a hint, until ctx ends.
	News(ctx context.Context, told func(engine.RunID)) error

	// Finish keeps the end of a run, first one counts; it gives what is kept. Valid once the ledger says that the run is over.
	Finish(ctx context.Context, run engine.RunID, end []byte) ([]byte, error)
	// Clean deletes what only a run under way needs, keeps graph, log, details, end; with frontier also the outputs given.
	// Of a run that has not succeeded the nodes and bits stay too, for Snapshot and Revise. What stays expires in time.
	Clean(ctx context.Context, run engine.RunID, frontier []engine.NodeID) (keys int, err error)
	// Delete removes all of an ended run.
	Delete(ctx context.Context, run engine.RunID) error
	// Snapshot reads the whole ledger, for audits, retries and tests.
	Snapshot(ctx context.Context, run engine.RunID) (*ledger.State, error)
	// Revise begins the next revision of a run that has ended: state, of that revision, takes the place of its ledger, End
	// and First are empty again, the rest goes on, and the log tells RunStarted with the nodes that are ready.
	// engine.ErrRunExists where the run is not finished or the revision is not the next one.
	Revise(ctx context.Context, run engine.RunID, state *ledger.State) error
	// Workers lists the sessions of a run that are alive, with their records.
	Workers(ctx context.Context, run engine.RunID) ([]Worker, error)
	// Costs counts commands and round trips since the back end was opened.
	Costs() Costs
}

// NewRun is what Create keeps.
type NewRun struct {
	ID    engine.RunID
	Job   []byte // RunInfo and RunOptions, as JSON
	Graph []byte // as engine.AppendGraph writes it
	Nodes uint32
	Edges uint32 // bits
	Tasks int
	Limit engine.Limits
	// LimitEdges is how many edges there are as Limit counts them.
	LimitEdges int
	Sinks      int
	Policy     engine.Policy
	Roots      []ledger.Grant
	// MaxConcurrent bounds how many nodes of a class are claimed at a time.
	MaxConcurrent map[ledger.Class]int
	Unlogged      bool
	// Constants are kept by content hash, once for all runs; they are deleted with the last run that names them.
	Constants map[string][]byte
}

// Stored is a run as it is kept.
type Stored struct {
	Job       []byte
	Graph     []byte
	Constants map[string][]byte
	StartedAt time.Time // on the store's clock: the moment that Now counts from
	Status    engine.Status
	Stopping  engine.Status
	Revision  int
	End       []byte // of Finish, nil before
	First     []byte // the first error of Do(Stop)
}

// Call is a commit with what travels in it, all of which is kept only when the commit is Applied.
type Call struct {
	Commit ledger.Commit
	// Outputs are values of ends, of this commit or of earlier ones: Inline, or the Key that PutOutput got. The last value
	// of a node counts.
	Outputs []Output
	// Details are appended to what Details reads.
	Details [][]byte
	// First is kept as the run's first error, where it is the first.
	First []byte
	// Wake is given as by Backend.Wake, right behind the commit and where the back end can in the same round trip.
	Wake Hint
}

// Hint is for up to N idle workers that can run one of the functions.
type Hint struct {
	Functions []string
	N         int
}

// Output is the value of a node.
type Output struct {
	Node   engine.NodeID
	Key    string
	Inline []byte
}

// Position is a place in a log, empty for its beginning.
type Position string

// Entry is one entry of the log: what one operation added. Steps are numbered from First.
type Entry struct {
	At     Position
	First  uint64
	Now    int64 // on the store's clock; no moment of Packed is later
	Worker uint16
	Packed []byte
	Steps  int
	// Readied names, for the step with that index in Packed, nodes that its edges made ready: pairs of index and node.
	// Packed itself tells of those that the session took on. The roots of Block are not repeated.
	Readied []ReadiedBy
	// Block is what an expansion, whose step is the first of Packed, has appended.
	Block *ledger.Block
	// Plain are steps that the ledger made itself: RunStarted, RunFinished, RunPaused, RunResumed, CancelRequested,
	// RunDeadline, lost attempts, WorkerStopped of lost sessions. They come behind those of Packed.
	Plain []engine.Step
}

// ReadiedBy is a node and the index of the step that made it ready.
type ReadiedBy struct {
	Step int
	Node engine.NodeID
}

// Blob is one piece of details.
type Blob struct {
	At   Position
	Data []byte
}

// Worker is a session that is alive.
type Worker struct {
	Session ledger.SessionID
	Number  uint16
	Record  []byte
	Beat    time.Time
	Claims  int
}

// Costs count what a back end did.
type Costs struct {
	Commands   uint64
	RoundTrips uint64
}
