package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Backend keeps the ledgers of runs and everything else that processes share. engine/state/redis is one; tests use the
// model. Transient errors (a lost connection, a failover, a server that is loading) are retried inside until ctx ends; so
// a call may take effect although its answer is lost, which ledger.Commit.Number makes harmless. Safe for concurrent use.
type Backend interface {
	// Create keeps a run and makes its roots ready; execution.ErrRunExists where the ID is taken.
	Create(ctx context.Context, r NewRun) error
	// Active lists the runs whose end Finish has not stored; Ended lists those where it has, until they are deleted or
	// expire, the latest first, at most 1,000.
	Active(ctx context.Context) ([]record.RunID, error)
	Ended(ctx context.Context) ([]record.RunID, error)
	// Open reads what Create stored; engine.ErrUnknownRun where there is no such run.
	Open(ctx context.Context, run record.RunID) (Stored, error)
	// Peek is Open without Job, Graph and Constants, to read the status of a run.
	Peek(ctx context.Context, run record.RunID) (Stored, error)

	// Commit carries out commits of one session, in order and in one round trip; the replies of those after one that
	// was not Applied or Repeated are Malformed. The store's time replaces Now.
	Commit(ctx context.Context, run record.RunID, calls []Call) ([]ledger.Reply, error)
	// Do carries out any other operation. Record is kept with Open as the worker's record, and with Stop as the run's
	// first error, where it is the first.
	Do(ctx context.Context, run record.RunID, op ledger.Op, record []byte) (ledger.Reply, error)

	// PutOutput stores a large output under a key of its own, before the Commit that refers to it.
	PutOutput(ctx context.Context, run record.RunID, key string, value []byte) error
	// Outputs gets what was stored with Call.Outputs, in the order of nodes, with Inline nil for nodes without an output.
	// Values that were put under a key are read too, in the same call where the back end can.
	Outputs(ctx context.Context, run record.RunID, nodes []dag.NodeID) ([]Output, error)

	// Log returns the entries after a position, in order, at most limit; it waits up to wait for the first.
	Log(ctx context.Context, run record.RunID, after Position, limit int, wait time.Duration) ([]Entry, error)
	// AddDetails appends details of attempts, which are kept next to the log; Details reads those after a position.
	AddDetails(ctx context.Context, run record.RunID, blobs [][]byte) error
	Details(ctx context.Context, run record.RunID, after Position, limit int) ([]Blob, error)

	// Wake hints to up to n idle workers that tasks of these functions can be claimed in run; the name "" stands for the
	// engine's own nodes. Sleep waits for a hint for one of the functions, at most wait; it returns the run, empty when
	// no hint came.
	Wake(ctx context.Context, run record.RunID, functions []string, n int) error
	Sleep(ctx context.Context, functions []string, wait time.Duration) (record.RunID, error)
	// News calls notify for each run that was stopped, paused, resumed, created or has ended, as a hint, until ctx ends.
	News(ctx context.Context, notify func(record.RunID)) error

	// Finish stores the end of a run, of which the first counts, and returns what is stored. Valid once the ledger has
	// ended the run.
	Finish(ctx context.Context, run record.RunID, end []byte) ([]byte, error)
	// Clean deletes what only an active run needs. It keeps graph, log, details, end, the outputs of the frontier, and for
	// a run that has not succeeded also nodes and bits, for Snapshot and Revise. What it keeps expires in time.
	Clean(ctx context.Context, run record.RunID, frontier []dag.NodeID) (keys int, err error)
	// Delete removes all of an ended run.
	Delete(ctx context.Context, run record.RunID) error
	// Snapshot reads the whole ledger, for audits, retries and tests.
	Snapshot(ctx context.Context, run record.RunID) (*ledger.State, error)
	// Revise begins the next revision of a run that has ended: state, of that revision, replaces its ledger, End and First
	// are empty again, the rest is kept, and the log continues with RunStarted and the nodes that are ready.
	// execution.ErrRunExists where the run is not finished or the revision is not the next one.
	Revise(ctx context.Context, run record.RunID, state *ledger.State) error
	// Workers lists the sessions of a run that are alive, with their records.
	Workers(ctx context.Context, run record.RunID) ([]Worker, error)
	// Costs counts commands and round trips since the back end was opened.
	Costs() Costs
}

// NewRun is what Create stores.
type NewRun struct {
	ID    record.RunID
	Job   []byte // RunInfo and RunOptions, as JSON
	Graph []byte // as dag.Graph.AppendGraph writes it
	Nodes uint32
	Edges uint32 // bits
	Tasks int
	Limit dag.Limits
	// LimitEdges is the number of edges as Limit counts them.
	LimitEdges int
	Sinks      int
	Policy     record.Policy
	Roots      []ledger.Grant
	// MaxConcurrent bounds how many nodes of a class may be claimed at a time.
	MaxConcurrent map[ledger.Class]int
	Unlogged      bool
	// Constants are kept by content hash, once for all runs; they are deleted with the last run that names them.
	Constants map[string][]byte
}

// Stored is a run as the back end keeps it.
type Stored struct {
	Job       []byte
	Graph     []byte
	Constants map[string][]byte
	StartedAt time.Time // on the store's clock: the moment that Now counts from
	Status    record.Status
	Stopping  record.Status
	Revision  int
	End       []byte // of Finish, nil before
	First     []byte // the first error of Do(Stop)
}

// Call is a commit and what is sent with it, all of which is stored only when the commit is Applied.
type Call struct {
	Commit ledger.Commit
	// Outputs are values of ends, of this commit or of earlier ones: Inline, or the Key that was given to PutOutput. The
	// last value of a node counts.
	Outputs []Output
	// Details are appended to what Details reads.
	Details [][]byte
	// First is stored as the run's first error, unless there is one.
	First []byte
	// Wake is a hint as of Backend.Wake, given right after the commit, in the same round trip where the back end can.
	Wake Hint
}

// Hint is for up to N idle workers that can run one of the functions.
type Hint struct {
	Functions []string
	N         int
}

// Output is the value of a node.
type Output struct {
	Node   dag.NodeID
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
	// Readied pairs steps of Packed with nodes that their edges made ready. Nodes that the session continued with itself
	// are in Packed already, and the roots of Block are not repeated.
	Readied []ReadiedBy
	// Block is what an expansion, whose step is the first of Packed, has appended to the graph.
	Block *ledger.Block
	// Plain are steps that the ledger made itself: RunStarted, RunFinished, RunPaused, RunResumed, CancelRequested,
	// RunDeadline, lost attempts, WorkerStopped of lost sessions. They follow those of Packed.
	Plain []record.Step
}

// ReadiedBy is a node and the index of the step that made it ready.
type ReadiedBy struct {
	Step int
	Node dag.NodeID
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
