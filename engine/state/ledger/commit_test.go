package ledger_test

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// way is how a process commits what it has done.
type way struct {
	hold   bool // outputs are held for children that are not ready
	give   bool // of the nodes that it could become, all but the first are left to others
	more   bool // the last edge is left for a later commit
	unhold bool // held outputs are stored, and their nodes are available to others
	back   bool // its first claim is returned
	lose   bool // the answer is lost
	late   bool // it does not arrive, but a copy will
}

// letter is a commit that is being prepared.
type letter struct {
	*world
	p   *proc
	way way
	op  ledger.Commit
	out []output
}

// write prepares the next commit of a process, and sets the process to its state after sending it.
func (w *world) write(p *proc, v way) message {
	p.number++
	l := letter{world: w, p: p, way: v, op: ledger.Commit{Now: 1, Session: p.session, Number: p.number, Lease: 1, Blocks: p.blocks}}
	l.ends()
	l.edges()
	l.others()
	l.wants()
	p.batch, p.next, p.owed = nil, nil, nil
	return message{l.op, l.out}
}

// ends adds the attempts that are over, and the nodes that the process becomes.
func (l *letter) ends() {
	for _, d := range l.p.batch {
		e := l.facts.layout.End(d.node)
		e.Outcome, e.Local = d.outcome, d.local
		if l.facts.nodes[d.node].kind == dag.ExpandNode && d.outcome == record.OutcomeOK {
			e.Expand = l.facts.layout.Expand(d.node, l.shape.width)
		}
		l.op.Ends = append(l.op.Ends, e)
		l.op.Packed = append(l.op.Packed, byte(d.node), byte(d.epoch), byte(d.outcome))
		l.op.Steps++
		if d.outcome == record.OutcomeRetrying {
			l.storeInputs(d.node)
		}
	}
	for i, id := range l.p.next {
		if i == 0 || !l.way.give {
			l.op.Onward = append(l.op.Onward, ledger.Grant{Node: id, Class: l.facts.nodes[id].class})
		}
	}
}

// own reports whether the process itself ends a node, or becomes it.
func (l *letter) own(id dag.NodeID) bool {
	return slices.ContainsFunc(l.op.Ends, func(e ledger.End) bool { return e.Node == id }) ||
		slices.ContainsFunc(l.op.Onward, func(g ledger.Grant) bool { return g.Node == id })
}

// edges adds the bits that the ends set, and stores the outputs that others may need.
func (l *letter) edges() {
	for i, d := range l.p.batch {
		bad := d.outcome == record.OutcomeFailed || d.outcome == record.OutcomeSkipped
		if !bad && d.outcome != record.OutcomeOK {
			continue
		}
		f := &l.facts.nodes[d.node]
		edges := f.edges
		if bad && f.kind == dag.ExpandNode {
			edges = l.facts.layout.Edges(d.node, 0) // the fan-out will have no instances to wait for
		}
		var sent []ledger.Edge
		for _, e := range edges {
			if !l.own(e.Child) {
				e.End, e.Bad = i, bad
				sent = append(sent, e)
			}
		}
		sole := slices.ContainsFunc(sent, func(e ledger.Edge) bool { return e.Waits == 1 })
		keeps := l.way.hold && !bad && d.epoch == 0 && f.kind == dag.TaskNode && !f.kept && !f.wide && !sole
		if l.way.more && !keeps && len(sent) > 1 && f.kind != dag.ExpandNode && i == len(l.p.batch)-1 {
			l.op.Ends[i].More = true
			last := slices.IndexFunc(f.edges, func(e ledger.Edge) bool { return e.Offset == sent[len(sent)-1].Offset })
			l.p.later = append(l.p.later, unset{node: d.node, bad: bad, from: last})
			sent = sent[:len(sent)-1]
		}
		for _, e := range sent {
			if keeps {
				e.Hold = 1 + int64(d.node)
				l.p.held = append(l.p.held, held{d.node, e.Child})
			}
			l.op.Edges = append(l.op.Edges, e)
		}
		if !keeps && (len(sent) > 0 || f.kept || f.wide || d.epoch > 0) {
			l.store(d.node)
		}
	}
}

// others adds the remaining edges of earlier ends.
func (l *letter) others() {
	if !l.way.more {
		for _, t := range l.p.later {
			for _, e := range l.facts.nodes[t.node].edges[t.from:] {
				e.Bad = t.bad
				l.op.Edges = append(l.op.Edges, e)
			}
			l.op.EdgesDone = append(l.op.EdgesDone, t.node)
		}
		l.p.later = nil
	}
	for _, id := range l.p.owed {
		l.store(id)
		l.op.Edges = append(l.op.Edges, l.facts.nodes[id].edges...)
	}
	if l.way.unhold {
		for _, h := range l.p.held {
			l.store(h.parent)
			l.op.Unhold = append(l.op.Unhold, h.child)
		}
		l.p.held = nil
	}
	if l.way.back {
		c := l.p.claims[0]
		l.p.claims = l.p.claims[1:]
		l.op.Ends = append(l.op.Ends, ledger.End{Node: c.Node, Class: c.Class})
		l.storeInputs(c.Node)
	}
}

// wants requests as many claims as the process lacks.
func (l *letter) wants() {
	if have := len(l.p.claims) + len(l.op.Onward); !l.p.stopping && !l.way.back && have < l.want {
		l.op.Want, l.op.Keep = l.want-have, 1
		l.op.Classes = []ledger.Class{ledger.EngineClass}
		for i := range l.facts.layout.Graph.Functions() {
			l.op.Classes = append(l.op.Classes, ledger.Class(i))
		}
	}
}

// store stores an output of the process before the commit counts it. With countEarly, it is stored later.
func (l *letter) store(id dag.NodeID) {
	o := output{id, l.p.memory[id]}
	switch {
	case o.value == 0 || l.facts.nodes[id].kind != dag.TaskNode:
	case l.countEarly && !l.facts.nodes[id].kept:
		l.p.late = append(l.p.late, o)
	default:
		l.out = append(l.out, o)
	}
}

// storeInputs stores what another process would need to run a node.
func (l *letter) storeInputs(id dag.NodeID) {
	for _, in := range l.facts.nodes[id].reads {
		if l.world.store[in] == 0 {
			l.store(in)
		}
	}
}

// commit sends the next commit of a process.
func (w *world) commit(i int, v way) error {
	p := &w.procs[i]
	m := w.write(p, v)
	switch {
	case v.back:
		w.left.back--
	case v.more:
		w.left.more--
	}
	if v.late {
		w.left.late--
		w.air = append(w.air, m)
		p.sent = &m
		return nil
	}
	r, err := w.deliver(m)
	if err != nil {
		return err
	}
	if v.lose {
		w.left.lose--
		p.sent = &m
		return nil
	}
	return w.answer(i, m, r)
}
