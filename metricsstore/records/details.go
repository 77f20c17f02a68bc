package records

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// says reports whether there is anything about an attempt that does not fit into its step. That nothing is said about
// the name of a task in a group saves most of the memory of a large record: all of them are alike.
func (w *writer) says(a *stretch) bool {
	t, recorded := w.recorded(a)
	return t.Group == None || t.Name != "" || t.saysMore(recorded) || t.Inputs != nil || a.open || a.outcome == record.OutcomeFailed
}

// saysMore reports whether something is recorded of an attempt apart from its name and moments.
func (t *Task) saysMore(a *Attempt) bool {
	return a.Log != "" || a.Common != "" || a.Error != nil || t.Command != ""
}

// detail is what does not fit into the step of an attempt of which the record says something.
func (r *replay) detail(a *stretch) record.Detail {
	t, recorded := r.recorded(a)
	d := record.Detail{Node: r.nodes[a.task], Attempt: int(a.number), Error: r.failure(a, recorded)}
	if t.Group == None || t.Name != "" || t.saysMore(recorded) {
		d.Log = r.log(t, recorded, a)
	}
	if t.Inputs != nil {
		d.Inputs = r.inputs(t, a.task)
	}
	return d
}

// log contains the names under which the tool knows a task, and what else it says.
func (r *replay) log(t *Task, a *Attempt, s *stretch) []byte {
	b := append(append(append(r.text[:0], "id "...), t.ID...), '\n')
	if t.Name != t.ID && t.Name != "" {
		b = append(append(append(b, "name "...), t.Name...), '\n')
	}
	if t.Command != "" {
		b = append(append(append(b, "command "...), t.Command...), '\n')
	}
	if !s.placed && a.Runtime < 0 {
		b = append(b, "no runtime is recorded\n"...)
	}
	for _, lines := range [...]string{a.Log, a.Common} {
		if lines != "" {
			b = append(append(b, strings.TrimSuffix(lines, "\n")...), '\n')
		}
	}
	r.text = b
	if len(b) > record.MaxEvidence {
		return []byte(cut(string(b), record.MaxEvidence))
	}
	return r.keep(b)
}

// textBlock is how many bytes of logs are allocated at once.
const textBlock = 64 << 10

// keep copies a text into a block that it shares with others.
func (r *replay) keep(text []byte) []byte {
	if cap(r.block)-len(r.block) < len(text) {
		r.block = make([]byte, 0, max(textBlock, len(text)))
	}
	from := len(r.block)
	r.block = append(r.block, text...)
	return r.block[from:len(r.block):len(r.block)]
}

// inputs sums up what a task read from each of its parents and, as the last entry, from outside, if anything.
func (w *writer) inputs(t *Task, task int32) []record.InputDetail {
	parents := w.parents[task]
	out := make([]record.InputDetail, len(parents), len(parents)+1)
	for i, p := range parents {
		out[i] = record.InputDetail{From: w.nodes[p], Source: "store"}
	}
	outside, reads := int64(0), false
	for _, in := range t.Inputs {
		if in.From == None {
			outside, reads = addBytes(outside, in.Bytes), true
			continue
		}
		if i, isParent := slices.BinarySearch(parents, in.From); isParent {
			out[i].Bytes = addBytes(out[i].Bytes, in.Bytes)
		}
	}
	if reads {
		out = append(out, record.InputDetail{From: dag.NoNode, Source: "outside", Bytes: outside})
	}
	return out
}

// failure is what is recorded about an attempt that failed or was lost; nil for others.
func (w *writer) failure(a *stretch, recorded *Attempt) *record.ErrorRecord {
	f := recorded.Error
	if f == nil {
		switch {
		case a.open:
			f = &Failure{Kind: record.WorkerLostError, Message: "the record does not contain its end"}
		case a.outcome == record.OutcomeFailed:
			f = &Failure{Message: "the record does not say why"}
		default:
			return nil
		}
	}
	worker := &w.run.Workers[a.worker]
	return &record.ErrorRecord{
		Kind: cmp.Or(f.Kind, record.UserError), Task: w.numbers.Identity(w.numbers.Locate(w.nodes[a.task])).String(), Node: w.nodes[a.task],
		Name: w.names.of(a.task), Message: cut(f.Message, record.MaxEvidence), Stack: cut(f.Stack, record.MaxEvidence),
		ExitCode: f.ExitCode, Signal: f.Signal, Worker: worker.Name, Host: worker.Host, Slot: int(a.lane),
		Attempt: int(a.number), Time: (w.zero + Moment(a.ended)).Time(),
	}
}

// cut copies at most n bytes of s, so that the rest can be garbage collected.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:n], ""))
}

// addBytes adds sizes. The sum is unknown if one of them is, and stops at the largest number.
func addBytes(a, b int64) int64 {
	switch {
	case a < 0 || b < 0:
		return -1
	case a > math.MaxInt64-b:
		return math.MaxInt64
	default:
		return a + b
	}
}
