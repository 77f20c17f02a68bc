package sharedtest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// appended is a list that only grows; more is closed whenever it has.
type appended[E any] struct {
	list []E
	more chan struct{}
}

func newAppended[E any]() appended[E] { return appended[E]{more: make(chan struct{})} }

func (a *appended[E]) add(e E) {
	a.list = append(a.list, e)
	close(a.more)
	a.more = make(chan struct{})
}

// clone copies the list, without those that wait for more of it.
func (a *appended[E]) clone() appended[E] {
	return appended[E]{list: slices.Clone(a.list), more: make(chan struct{})}
}

// since returns at most limit elements after a position.
func (a *appended[E]) since(after shared.Position, limit int) ([]E, error) {
	from := 0
	if after != "" {
		n, err := strconv.Atoi(string(after))
		if err != nil || n < 0 || n > len(a.list) {
			return nil, fmt.Errorf("sharedtest: position %q, expected one that was given before", after)
		}
		from = n
	}
	to := min(len(a.list), from+max(limit, 0))
	return slices.Clone(a.list[from:to]), nil
}

// next is the position of what is added next.
func (a *appended[E]) next() shared.Position { return shared.Position(strconv.Itoa(len(a.list) + 1)) }

// append writes an entry to the log.
func (r *run) append(e *ledger.Entry) {
	if e == nil || r.new.Unlogged {
		return
	}
	entry := shared.Entry{
		At: r.log.next(), First: e.First, Now: e.Now, Worker: e.Worker, Packed: bytes.Clone(e.Packed), Steps: e.Steps,
		Block: e.Block, Plain: e.Plain,
	}
	for _, by := range e.Readied {
		entry.Readied = append(entry.Readied, shared.ReadiedBy{Step: by.Step, Node: by.Node})
	}
	r.log.add(entry)
}

// keep stores what came with a commit that was applied.
func (r *run) keep(c *shared.Call) {
	for _, o := range c.Outputs {
		o.Inline = bytes.Clone(o.Inline)
		r.outputs[o.Node] = o
	}
	for _, d := range c.Details {
		r.addDetail(d)
	}
	if r.first == nil {
		r.first = bytes.Clone(c.First)
	}
}

func (r *run) addDetail(data []byte) {
	r.details.add(shared.Blob{At: r.details.next(), Data: bytes.Clone(data)})
}

// read gives outputs, with values that were put under a key.
func (r *run) read(nodes []dag.NodeID) []shared.Output {
	out := make([]shared.Output, len(nodes))
	for i, id := range nodes {
		o, ok := r.outputs[id]
		if !ok {
			out[i].Node = id
			continue
		}
		if o.Key != "" {
			o.Inline = r.keyed[o.Key]
		}
		out[i] = o
	}
	return out
}

// clean deletes what only an active run needs, and counts it.
func (r *run) clean(frontier []dag.NodeID) (deleted int) {
	kept := map[string][]byte{}
	for id, o := range r.outputs {
		if !slices.Contains(frontier, id) {
			delete(r.outputs, id)
			deleted++
		} else if value, ok := r.keyed[o.Key]; ok {
			kept[o.Key] = value
		}
	}
	deleted += len(r.keyed) - len(kept) + len(r.sessions)
	r.keyed, r.sessions = kept, map[ledger.SessionID]*session{}
	if r.state.Status == record.Succeeded {
		deleted += len(r.state.Nodes)
		r.state = &ledger.State{Status: r.state.Status, Revision: r.state.Revision, Seq: r.state.Seq, Workers: r.state.Workers}
	}
	return deleted
}

// clone copies what changes of a run.
func (r *run) clone() *run {
	c := *r
	c.state, c.log, c.details = r.state.Clone(), r.log.clone(), r.details.clone()
	c.keyed, c.outputs, c.sessions = maps.Clone(r.keyed), maps.Clone(r.outputs), map[ledger.SessionID]*session{}
	for id, ses := range r.sessions {
		c.sessions[id] = new(*ses)
	}
	return &c
}
