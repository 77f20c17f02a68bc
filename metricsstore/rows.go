package metricsstore

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Names of attachments.
const (
	AttachShape = "shape" // the graph, as dag.Graph.AppendShape writes it
	AttachEnd   = "end"   // the record.RunEnd in full, as JSON; absent where the run did not end by itself
)

// Header is what is known of a run as a whole. It stays small: what may be large is an attachment.
type Header struct {
	Info   record.RunInfo `json:"info"`
	Status record.Status  `json:"status"`
	Graph  GraphSize      `json:"graph"`
	// AddedAt is when the store got the run: of an imported run, the moment of its import. The first Begin sets it.
	// It is zero in runs of programs that did not keep it; see Added.
	AddedAt time.Time `json:"added_at,omitzero"`

	// The following fields are known once the run has ended.

	EndedAt time.Time `json:"ended_at,omitzero"`
	// Error is the failure that ended the run, without its stack and with at most 1 KiB of its message.
	Error *record.ErrorRecord `json:"error,omitempty"`
	// ResultText is the run's result as text; of more than 1 KiB, the beginning and an ellipsis.
	ResultText string `json:"result_text,omitempty"`
	Counts     Counts `json:"counts"`
	Upload     Upload `json:"upload"`
	// Damage says why the log could not be read to its end when the run was archived; empty where it could.
	Damage string `json:"damage,omitempty"`
	// ArchivedSeq is the last step that Counts and the roll-ups cover.
	ArchivedSeq uint64 `json:"archived_seq"`
	// Rollup counts how often the run was archived.
	Rollup int `json:"rollup"`
	// RollupFormat says what the roll-ups cover: 0, programs that made none for imported runs; 1, all that was
	// measured.
	RollupFormat int `json:"rollup_format,omitempty"`
}

// rollupFormat is the RollupFormat of runs that are archived now.
const rollupFormat = 1

// lacksRollups reports whether the run was archived by a program that did not sum up everything.
func (h *Header) lacksRollups() bool {
	return h.Status.Final() && h.RollupFormat < rollupFormat && h.Info.Imported() != nil
}

// StatusAt is the status of the run for people. A run of a recording that grows is kept as an ended one, because each
// longer recording takes its place, and is running.
func (h *Header) StatusAt(now time.Time) record.Status {
	if o := h.Info.Origin; o != nil && now.Before(o.GrowsUntil) {
		return record.Running
	}
	return h.Status
}

// Added is AddedAt, or what comes closest for runs without it: when the run was submitted, or for an imported
// recording, when it ended.
func (h *Header) Added() time.Time {
	switch {
	case !h.AddedAt.IsZero():
		return h.AddedAt
	case h.Info.Imported() != nil && !h.EndedAt.IsZero():
		return h.EndedAt
	case h.Info.SubmittedAt.IsZero():
		return h.Info.StartedAt
	}
	return h.Info.SubmittedAt
}

// MakespanNS is the makespan of the run in nanoseconds: the recorded one for an imported run that has one, else that
// of Counts.
func (h *Header) MakespanNS() int64 {
	if o := h.Info.Imported(); o != nil && o.Makespan > 0 {
		return int64(o.Makespan)
	}
	return h.Counts.MakespanNS
}

// ExplainedNS is the time in nanoseconds in which at least one task of an imported run ran; 0 for a run of the engine. For
// recordings imported by older programs it is known only from the schedule.
func (h *Header) ExplainedNS() int64 {
	switch o := h.Info.Imported(); {
	case o == nil:
		return 0
	case h.Info.Origin == nil:
		return h.Counts.MakespanNS
	default:
		return int64(o.Explained)
	}
}

// GraphSize describes the graph as submitted, before any fan-out has expanded.
type GraphSize struct {
	Tasks int    `json:"tasks"`
	Edges int    `json:"edges"`
	Hash  string `json:"hash"` // of the structure, in hexadecimal
	// Functions is a hash of the names and versions of the functions, in hexadecimal; empty in runs of programs that
	// did not keep it.
	Functions string `json:"functions,omitempty"`
}

// SizeOf describes a graph.
func SizeOf(g *dag.Graph) GraphSize {
	hash := g.Hash()
	return GraphSize{Tasks: g.Tasks(), Edges: g.Edges(), Hash: fmt.Sprintf("%x", hash[:]), Functions: functionsHash(g)}
}

func functionsHash(g *dag.Graph) string {
	var names []string
	for _, f := range g.Functions() {
		names = append(names, fmt.Sprintf("%q@%d", f.Name(), f.Options().Version))
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, " ")))
	return fmt.Sprintf("%x", sum[:8])
}

// Run is a header with what the store keeps in addition.
type Run struct {
	Header
	Annotation Annotation `json:"annotation"`
	// LastSeq is the greatest step kept, Steps the number of steps kept; they differ where the log has gaps.
	LastSeq uint64 `json:"last_seq"`
	Steps   uint64 `json:"steps"`
	Details int    `json:"details"`
	// Bytes is the size of Data of its blocks, details, worker rows and roll-ups and of its attachments.
	Bytes int64 `json:"bytes"`
	// Faults are the parts of the run that the store could not read or has lost, as far as known; nil for none. A
	// header that cannot be read is replaced by Remains.Header.
	Faults []Fault `json:"faults,omitempty"`
}

// Position is the run's place in the order of Runs.
func (r *Run) Position() Position {
	return Position{Started: r.Info.StartedAt.UnixNano(), Run: r.Info.ID}
}

// Annotation is what people add to a run.
type Annotation struct {
	Tags []string `json:"tags,omitempty"`
	Note string   `json:"note,omitempty"`
}

// Position orders runs by their start and then their ID, the latest first. The zero value comes before all runs.
type Position struct {
	Started int64        `json:"started"` // nanoseconds since 1970
	Run     record.RunID `json:"run"`
}

// Before reports whether p comes before q in Store.Runs.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }

// Compare is negative where p comes before q in Store.Runs, 0 where they are equal.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(q.Started, p.Started), cmp.Compare(q.Run, p.Run))
}

// Batch is what Append keeps at once.
type Batch struct {
	Blocks  []Block     `json:"blocks,omitempty"`
	Details []DetailRow `json:"details,omitempty"`
	Workers []WorkerRow `json:"workers,omitempty"`
}

// Block holds some consecutive steps of a run.
type Block struct {
	First uint64 `json:"first"` // sequence number of the first step, at least 1
	Last  uint64 `json:"last"`
	// From and To are the earliest and the latest moment in the steps, in nanoseconds since the run's start.
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Data []byte `json:"data"`
}

// DetailKey names one attempt. Keys are ordered by their fields, in the order of the declaration.
type DetailKey struct {
	Revision uint32     `json:"revision"`
	Node     dag.NodeID `json:"node"`
	Epoch    uint16     `json:"epoch"`
	Attempt  uint16     `json:"attempt"`
}

// DetailRow is what is known of one attempt in addition to its step.
type DetailRow struct {
	DetailKey
	Data []byte `json:"data"`
}

// WorkerRow describes one worker of a run. Of two rows of a worker, the one with the greater Rank is more complete.
type WorkerRow struct {
	Revision uint32 `json:"revision"`
	Worker   uint32 `json:"worker"`
	Rank     int64  `json:"rank"`
	Data     []byte `json:"data"`
}

// Archive is what is known once a run has ended.
type Archive struct {
	Owner       string            `json:"owner"` // of the run's lease
	Header      Header            `json:"header"`
	Attachments map[string][]byte `json:"attachments,omitempty"`
	Rollups     []Rollup          `json:"rollups,omitempty"`
	Blocks      []Block           `json:"blocks,omitempty"` // without gaps
}

// Day counts days of UTC from 1970-01-01.
type Day int32

// DayOf is the day of a moment.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / 86400
	if s%86400 < 0 {
		d--
	}
	return Day(d)
}

// Start is the first moment of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// RollupKey names one digest of a run. Keys are ordered by their fields, in the order of the declaration.
type RollupKey struct {
	Function string       `json:"function"` // any text but the empty one
	Version  int          `json:"version"`
	Metric   Metric       `json:"metric"`
	Day      Day          `json:"day"` // of the run's start
	Run      record.RunID `json:"run"`
}

// Rollup is the digest of one metric of one function in one run, or of several runs; see Merge.
type Rollup struct {
	RollupKey
	Data []byte `json:"data"`
}

// RollupQuery selects roll-ups.
type RollupQuery struct {
	Function string `json:"function,omitempty"` // empty for all
	Metric   Metric `json:"metric,omitempty"`   // empty for all
	// Run selects the roll-ups of one run, which takes no longer where there are many runs; empty for all.
	Run record.RunID `json:"run,omitempty"`
	// From and To select days, From included, To not; two equal days select all.
	From Day `json:"from,omitempty"`
	To   Day `json:"to,omitempty"`
	// After is the last key of the previous answer, nil for the first.
	After *RollupKey `json:"after,omitempty"`
	Limit int        `json:"limit,omitempty"` // 0 for all

	// Merge allows the store to return one row for several runs instead of theirs. Then Metric must be set, and After
	// and Limit are ignored.
	Merge Merge `json:"merge,omitempty"`
	// StartedFrom and StartedTo bound the start of the runs in a merged row, StartedFrom included, StartedTo not;
	// zero for no bound. Without is a run that no merged row includes, empty for none. Rows of single runs may ignore
	// all three.
	StartedFrom time.Time    `json:"started_from,omitzero"`
	StartedTo   time.Time    `json:"started_to,omitzero"`
	Without     record.RunID `json:"without,omitempty"`
}

// Merge says which roll-ups a store may merge. It need not merge any.
type Merge uint8

// Kinds of merging. The runs of a merged row have started on the Day of its key and are of one workflow; Run of the
// key is empty.
const (
	MergeNothing Merge = iota
	// MergeRuns: roll-ups of several runs with the same function, version and metric.
	MergeRuns
	// MergeFunctions: roll-ups of all functions and versions of several runs; Function of the key is empty.
	MergeFunctions
)

// Match reports whether the query selects a key, apart from After and Limit.
func (q *RollupQuery) Match(k RollupKey) bool {
	return (q.Function == "" || q.Function == k.Function) && (q.Metric == "" || q.Metric == k.Metric) &&
		(q.Run == "" || q.Run == k.Run) &&
		(q.From == q.To || q.From <= k.Day && k.Day < q.To)
}

// Lease says which process alone may archive a run, and until when.
type Lease struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// Place decides what Append does with a block, given the kept blocks that overlap it, ascending: keep it, ignore it
// because all its steps are kept, or refuse it with ErrConflict.
func Place(b Block, overlapping []Block) (put bool, err error) {
	if len(overlapping) == 0 {
		return true, nil
	}
	next := b.First
	for _, o := range overlapping {
		if o.First > next {
			break
		}
		next = o.Last + 1
	}
	if next > b.Last {
		return false, nil
	}
	return false, fmt.Errorf("%w: steps %d to %d are only partly kept", ErrConflict, b.First, b.Last)
}

// Validate checks the lease given to Store.Acquire.
func (l Lease) Validate() error {
	if l.Owner == "" {
		return invalid("a lease has no owner")
	}
	return nil
}

// Grant decides whether l may replace the kept lease, which is zero where there is none.
func (l Lease) Grant(kept Lease, now time.Time) bool {
	return kept.Owner == "" || kept.Owner == l.Owner || !kept.Until.After(now)
}

// KeepTag is the tag of runs that no retention deletes.
const KeepTag = "keep"

// Pinned reports whether the run has KeepTag.
func (r *Run) Pinned() bool { return slices.Contains(r.Annotation.Tags, KeepTag) }
