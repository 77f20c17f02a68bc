package metricsstore

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Entry is the part of a run that lists need to filter, sort, count and compare. It takes some 300 B, a tenth of the
// run.
type Entry struct {
	ID          record.RunID  `json:"id"`
	StartedNS   int64         `json:"started"` // nanoseconds since 1970, as AddedNS
	AddedNS     int64         `json:"added"`
	Workflow    string        `json:"workflow"`
	Status      record.Status `json:"status"`
	MakespanNS  int64         `json:"makespan_ns"`
	Tasks       int64         `json:"tasks"`
	OutputBytes int64         `json:"bytes"`
	Imported    bool          `json:"-"`
	Engine      string        `json:"-"` // see record.RunInfo.Engine
	Tags        []string      `json:"-"` // sorted, each once
	// Peers is the PeerKey of a run that is Comparable, else zero.
	Peers PeerKey `json:"-"`
	Key   string  `json:"-"` // of its submission, see engine.RunOptions

	text string // what RunFilter.Text is searched in: lower case, one text per line
}

// NewEntry makes the entry of a run; name is searched as well. It keeps no reference to the run.
func NewEntry(r *Run, name string) Entry {
	e := newEntry(r, name)
	if r.Comparable() {
		e.Peers = r.PeerKey()
	}
	return e
}

// newEntry is NewEntry without the key of peers.
func newEntry(r *Run, name string) Entry {
	return Entry{
		ID: r.Info.ID, StartedNS: r.Info.StartedAt.UnixNano(), AddedNS: r.Added().UnixNano(), Workflow: r.Info.Workflow, Status: r.Status,
		MakespanNS: r.MakespanNS(), Tasks: max(r.Counts.Tasks, int64(r.Graph.Tasks)), OutputBytes: r.Counts.OutputBytes,
		Imported: r.imported(), Engine: r.Info.Engine(), Tags: slices.Compact(slices.Sorted(slices.Values(r.Annotation.Tags))), text: r.searched(name),
		Key: r.Info.Key,
	}
}

func (r *Run) searched(name string) string {
	texts := append([]string{string(r.Info.ID), name, r.Info.Workflow, r.Annotation.Note}, r.Annotation.Tags...)
	for _, k := range slices.Sorted(maps.Keys(r.Info.Params)) {
		texts = append(texts, k+"="+r.Info.Params[k])
	}
	if r.Error != nil {
		texts = append(texts, r.Error.Message, r.Error.Task, r.Error.Name)
	}
	return strings.ToLower(strings.Join(texts, "\n"))
}

// Position is the run's place in the order of Store.Runs.
func (e *Entry) Position() Position { return Position{Started: e.StartedNS, Run: e.ID} }

// Same reports whether two entries are equal.
func (e *Entry) Same(o *Entry) bool {
	return e.ID == o.ID && e.StartedNS == o.StartedNS && e.AddedNS == o.AddedNS && e.Workflow == o.Workflow && e.Status == o.Status &&
		e.MakespanNS == o.MakespanNS && e.Tasks == o.Tasks && e.OutputBytes == o.OutputBytes && e.Imported == o.Imported && e.Engine == o.Engine &&
		slices.Equal(e.Tags, o.Tags) && e.Peers == o.Peers && e.Key == o.Key && e.text == o.text
}

// RunFilter selects runs. Its zero value selects all.
type RunFilter struct {
	Workflow string          `json:"workflow,omitempty"`
	Engine   string          `json:"engine,omitempty"` // that executed it, see record.RunInfo.Engine; case is ignored
	Status   []record.Status `json:"status,omitempty"` // any of them
	Tag      string          `json:"tag,omitempty"`
	// From and To bound the run's start, From included, To not; zero for no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Text is searched for, ignoring case, in ID, name, workflow, tags, note, parameters and error.
	Text string `json:"text,omitempty"`
}

// Match reports whether the filter selects a run.
func (f *RunFilter) Match(e *Entry) bool {
	return (f.Workflow == "" || f.Workflow == e.Workflow) &&
		(f.Engine == "" || strings.EqualFold(f.Engine, e.Engine)) &&
		(len(f.Status) == 0 || slices.Contains(f.Status, e.Status)) &&
		(f.Tag == "" || slices.Contains(e.Tags, f.Tag)) &&
		(f.From.IsZero() || !e.started().Before(f.From)) && (f.To.IsZero() || e.started().Before(f.To)) &&
		(f.Text == "" || strings.Contains(e.text, strings.ToLower(f.Text)))
}

// MatchRun is Match for a run that has no entry.
func (f *RunFilter) MatchRun(r *Run) bool {
	e := newEntry(r, "")
	return f.Match(&e)
}

func (e *Entry) started() time.Time { return time.Unix(0, e.StartedNS) }

// PeerKey is equal for runs that are peers of each other in the scope SamePeers, and different for others.
type PeerKey [12]byte

// PeerKey computes the key, which takes some microseconds.
func (h *Header) PeerKey() PeerKey {
	key := struct {
		Workflow string            `json:"w"`
		Imported bool              `json:"i,omitempty"`
		Params   map[string]string `json:"p,omitempty"`
		Classes  map[string]int    `json:"c,omitempty"`
		Graph    string            `json:"g"`
	}{Workflow: h.Info.Workflow, Imported: h.imported(), Graph: h.Graph.Hash}
	if !key.Imported {
		key.Params = maps.Clone(h.Info.Params)
	}
	if len(h.Info.Inputs) > 0 {
		// The shape of the graph may depend on the content of a file, so its functions count instead.
		key.Graph, key.Classes = h.Graph.Functions, map[string]int{}
		for name, size := range h.Info.Inputs {
			delete(key.Params, name)
			key.Classes[name] = SizeClass(size)
		}
	}
	b, _ := json.Marshal(key) // plain data
	sum := sha256.Sum256(b)
	return PeerKey(sum[:12])
}
