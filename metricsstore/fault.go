package metricsstore

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Part names a part of what a store keeps of a run.
type Part string

// Parts of a run.
const (
	HeaderPart     Part = "header"
	AnnotationPart Part = "annotation" // tags and note
	LogPart        Part = "log"
	DetailsPart    Part = "details"
	WorkersPart    Part = "workers"
	GraphPart      Part = "graph" // AttachShape
	EndPart        Part = "end"   // AttachEnd
	RollupsPart    Part = "roll-ups"
	RecordsPart    Part = "records" // everything, or it is not known what
)

// Fault names a part of a run that the store cannot read or has lost.
type Fault struct {
	Part Part   `json:"part"`
	Text string `json:"text"` // what is wrong
}

// NewFault records that a part could not be read.
func NewFault(p Part, err error) Fault {
	return Fault{Part: p, Text: strings.ReplaceAll(err.Error(), ErrCorrupt.Error()+": ", "")}
}

// Damaged describes what of the run is damaged, from Header.Damage and Faults; empty where no damage is known.
func (r *Run) Damaged() string {
	var texts []string
	if r.Damage != "" {
		texts = append(texts, r.Damage)
	}
	for _, f := range r.Faults {
		texts = append(texts, string(f.Part)+": "+f.Text)
	}
	return strings.Join(texts, "; ")
}

// Lacks reports whether a part of the run is known to be damaged.
func (r *Run) Lacks(p Part) bool {
	return slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Part == p })
}

// EndUnknown reports whether the run is damaged so that it is not known how it ended; its status is then
// record.Interrupted.
func (r *Run) EndUnknown() bool {
	return r.Status == record.Interrupted && (r.Damage != "" || r.Lacks(HeaderPart) || r.Lacks(RecordsPart))
}

// Remains is what is left of a run whose header cannot be read. Each part may be absent or damaged itself.
type Remains struct {
	Position Position // where the store lists the run
	Shape    []byte   // AttachShape
	End      []byte   // AttachEnd
	Rollup   *Rollup  // any of the run
}

// Header reconstructs the header of a run from the remains. The run counts as interrupted where nothing says how it
// ended, so that it can be deleted and no reader waits for it.
func (m *Remains) Header() Header {
	started := time.Unix(0, m.Position.Started).UTC()
	h := Header{
		Info:   record.RunInfo{ID: m.Position.Run, SubmittedAt: started, StartedAt: started},
		Status: record.Interrupted, EndedAt: started,
	}
	if m.Rollup != nil {
		if d, err := m.Rollup.Unpack(); err == nil {
			h.Info.Workflow, h.Info.Revision = d.Workflow, d.Revision
		}
	}
	if g, err := dag.DecodeShape(m.Shape); err == nil {
		h.Graph = SizeOf(g)
	}
	var end record.RunEnd
	if json.Unmarshal(m.End, &end) == nil && end.Status.Final() {
		h.Status, h.EndedAt = end.Status, end.EndedAt
		h.Error, h.ResultText = shortened(end.First), cutText(end.ResultText)
	}
	return h
}
