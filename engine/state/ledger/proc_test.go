package ledger_test

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// maxNodes is how many nodes a world can have.
const maxNodes = 16

// proc is one process with one lane, and its view of the run. It behaves like engine/state/shared.
type proc struct {
	name, incarnation byte
	session           ledger.SessionID // empty for none
	number            uint64           // of the last commit
	blocks            int
	stopping          bool             // it has heard of a stop
	claims            []ledger.Claim   // to be run, in this order
	next              []dag.NodeID     // that it becomes, to be run before its claims
	batch             []done           // not committed yet
	later             []unset          // edges left for a later commit
	held              []held           // edges that it holds the output for
	owed              []dag.NodeID     // outputs that it has to store, and whose edges to set again
	late              []output         // see countEarly
	mine              [maxNodes]bool   // ended with OK by this session, in their first epoch
	memory            [maxNodes]byte   // outputs that it made
	known             [maxNodes]uint16 // epochs of others that it has learnt
	sent              *message         // without an answer
}

// done is an attempt that is over.
type done struct {
	node    dag.NodeID
	epoch   uint16
	outcome record.Outcome
	local   bool
}

// unset is a node with edges that are not set yet, as positions in the facts, from the first unset one on.
type unset struct {
	node dag.NodeID
	bad  bool
	from int
}

type held struct{ parent, child dag.NodeID }

// unshare gives a copied process its own lists.
func (p *proc) unshare() {
	p.claims, p.next, p.batch = slices.Clone(p.claims), slices.Clone(p.next), slices.Clone(p.batch)
	p.later, p.held, p.owed, p.late = slices.Clone(p.later), slices.Clone(p.held), slices.Clone(p.owed), slices.Clone(p.late)
}

// reset is the process without memory and session: either another process, or the same one restarted.
func (p *proc) reset() { *p = proc{name: p.name, incarnation: p.incarnation + 1} }

func (p *proc) key(b []byte, w *world) []byte {
	b = append(b, '|', p.name, p.incarnation)
	b = append(b, p.session...)
	b = append(b, byte(p.blocks))
	if p.stopping {
		b = append(b, 's')
	}
	for _, c := range p.claims {
		current := byte(0)
		if n := &w.s.Nodes[c.Node]; n.Since == c.Since {
			current = 1
		}
		b = append(b, 'c', byte(c.Node), byte(c.Epoch)<<1|current)
	}
	for _, id := range p.next {
		b = append(b, 'n', byte(id))
	}
	for _, d := range p.batch {
		b = append(b, 'b', byte(d.node), byte(d.epoch), byte(d.outcome))
	}
	for _, t := range p.later {
		b = append(b, 't', byte(t.node), byte(t.from))
	}
	for _, h := range p.held {
		b = append(b, 'h', byte(h.parent), byte(h.child))
	}
	for _, id := range p.owed {
		b = append(b, 'o', byte(id))
	}
	for _, o := range p.late {
		b = append(b, 'l', byte(o.node))
	}
	for i := range w.store {
		f := byte(0)
		if p.mine[i] {
			f = 1
		}
		b = append(b, f, p.memory[i], byte(p.known[i]))
	}
	if p.sent != nil {
		b = w.keyOf(*p.sent, append(b, '!'))
	}
	return b
}

// input is an output as seen by a process; 0 if the process cannot find it.
func (w *world) input(p *proc, id dag.NodeID) byte {
	if v := p.memory[id]; v != 0 {
		return v
	}
	return w.store[id]
}

// missing lists the inputs of a node that a process does not find. An output of a live worker must not be among them,
// unless the store has lost it, or the node is being computed again: an output that only its first worker needed was
// never stored.
func (w *world) missing(p *proc, id dag.NodeID, epoch uint16) (lost []dag.NodeID, err error) {
	for _, in := range w.facts.nodes[id].reads {
		if w.input(p, in) != 0 {
			continue
		}
		lost = append(lost, in)
		fenced := w.s.Session(p.session) == nil
		if ender := w.ender[in]; !fenced && epoch == 0 && !w.stored[in] && w.s.Nodes[in].Status == ledger.OK && w.s.Session(ender) != nil {
			return nil, fmt.Errorf("node %d needs the output of node %d, which %s holds and has not stored", id, in, ender)
		}
	}
	return lost, nil
}

// alone: the batch has to be committed before anything else is run.
func (w *world) alone(p *proc) bool {
	return slices.ContainsFunc(p.batch, func(d done) bool {
		return w.noBecome || d.outcome == record.OutcomeRetrying || w.facts.nodes[d.node].kind == dag.ExpandNode
	})
}

// ready returns what a process runs next, and whether it becomes it; false if there is nothing to run.
func (w *world) ready(p *proc) (c ledger.Claim, local, ok bool) {
	if p.session == "" || p.sent != nil || w.alone(p) {
		return c, false, false
	}
	if len(p.next) > 0 && w.facts.nodes[p.next[0]].kind != dag.ExpandNode {
		// a node that lacks inputs (of a join that it waits for) has to be claimed before it can be returned
		lost, err := w.missing(p, p.next[0], 0)
		return ledger.Claim{Node: p.next[0]}, true, len(lost) == 0 && err == nil
	}
	if len(p.claims) == 0 || w.facts.nodes[p.claims[0].Node].kind == dag.ExpandNode && len(p.batch) > 0 {
		return c, false, false
	}
	return p.claims[0], false, true
}

// run executes the next node, with an outcome.
func (w *world) run(i int, outcome record.Outcome) error {
	p := &w.procs[i]
	c, local, _ := w.ready(p)
	if local {
		p.next = p.next[1:]
	} else {
		p.claims = p.claims[1:]
	}
	if c.EdgesOnly {
		p.later = append(p.later, unset{node: c.Node, bad: c.EdgesBad})
		return nil
	}
	d := done{node: c.Node, epoch: c.Epoch, outcome: outcome, local: local}
	if outcome == record.OutcomeOK {
		if err := w.begins(p, c.Node); err != nil {
			return err
		}
		values := make([]byte, len(w.store))
		for _, in := range w.facts.nodes[c.Node].reads {
			values[in] = w.input(p, in)
		}
		p.memory[c.Node] = w.facts.value(c.Node, values)
	}
	p.batch = append(p.batch, d)
	if outcome == record.OutcomeOK && c.Epoch == 0 {
		p.mine[c.Node] = true
		w.takeOn(p, c.Node)
	}
	return nil
}

// begins checks that everything that a node waits for has ended: in the log, or earlier in the same strand.
func (w *world) begins(p *proc, id dag.NodeID) error {
	for _, parent := range w.facts.nodes[id].parents {
		if w.accepted[parent] == 0 && !p.mine[parent] {
			return fmt.Errorf("node %d begins before node %d has ended", id, parent)
		}
	}
	return nil
}

// takeOn adds nodes that waited only for ends of this session to those that it becomes.
func (w *world) takeOn(p *proc, id dag.NodeID) {
	if w.noBecome || p.stopping {
		return
	}
	for _, e := range w.facts.nodes[id].edges {
		child := &w.facts.nodes[e.Child]
		if p.mine[e.Child] || slices.Contains(p.next, e.Child) || w.s.MaxConcurrent[child.class] > 0 {
			continue
		}
		if !slices.ContainsFunc(child.parents, func(parent dag.NodeID) bool { return !p.mine[parent] }) && w.known(child) {
			p.next = append(p.next, e.Child)
		}
	}
}

// known reports whether everything that a join waits for is known; before its expansion has expanded, it is not.
func (w *world) known(f *fact) bool {
	if f.kind != dag.JoinNode {
		return true
	}
	return slices.ContainsFunc(w.s.Blocks, func(b ledger.Block) bool { return slices.Contains(f.parents, b.Expansion) })
}

// fetch finds that inputs are lost, and returns the claim.
func (w *world) fetch(i int, lost []dag.NodeID, lose bool) error {
	p := &w.procs[i]
	c := p.claims[0]
	op := ledger.Invalidate{Now: 1, Session: p.session, Consumer: c.Node, Epoch: c.Epoch, Since: c.Since}
	for _, id := range lost {
		op.Lost = append(op.Lost, w.facts.layout.Life(id, p.known[id]))
	}
	// its own outputs are stored first, by a separate commit: another process may run the node next
	if w.s.Session(p.session) != nil {
		l := letter{world: w, p: p}
		l.storeInputs(c.Node)
		for _, o := range l.out {
			w.store[o.node], w.stored[o.node] = o.value, true
		}
	}
	m := message{op: op}
	r, err := w.deliver(m)
	if err != nil {
		return err
	}
	if lose {
		w.left.lose--
		p.sent = &m
		return nil
	}
	return w.answer(i, m, r)
}

// answer applies the answer to an operation to a process.
func (w *world) answer(i int, m message, r ledger.Reply) error {
	p := &w.procs[i]
	p.sent = nil
	switch r.Verdict {
	case ledger.Gone:
		return nil
	case ledger.Fenced:
		p.reset()
		return nil
	case ledger.Applied, ledger.Repeated, ledger.Again:
	default:
		return fmt.Errorf("%c is answered %d %s to %T%+v", p.name, r.Verdict, r.Why, m.op, m.op)
	}
	switch op := m.op.(type) {
	case ledger.Invalidate:
		if r.Verdict == ledger.Again {
			for j, l := range op.Lost {
				p.known[l.Node] = r.Epochs[j]
			}
		} else if !w.fault.keepsClaim {
			p.claims = p.claims[1:]
		}
		return nil
	case ledger.Commit:
		return w.hear(p, &op, r)
	}
	return nil
}

// hear applies the reply to a commit.
func (w *world) hear(p *proc, op *ledger.Commit, r ledger.Reply) error {
	if len(r.Blocks) != len(w.s.Blocks)-p.blocks {
		return fmt.Errorf("%c knows %d blocks and learns of %d, of %d", p.name, p.blocks, len(r.Blocks), len(w.s.Blocks))
	}
	p.blocks += len(r.Blocks)
	p.owed, p.stopping = r.Store, r.Stopping != ""
	if r.Verdict == ledger.Repeated {
		p.claims = nil
	}
	for _, c := range r.Claims {
		if c.EdgesOnly && slices.ContainsFunc(p.later, func(t unset) bool { return t.node == c.Node }) {
			continue
		}
		if !c.EdgesOnly && !w.readied[c.Node] {
			return fmt.Errorf("node %d is claimed, but is not ready by the log", c.Node)
		}
		for _, parent := range w.facts.nodes[c.Node].parents {
			if w.logged[parent] == 0 {
				return fmt.Errorf("node %d is claimed before node %d has ended", c.Node, parent)
			}
		}
		p.claims = append(p.claims, c)
		p.held = slices.DeleteFunc(p.held, func(h held) bool { return h.child == c.Node })
	}
	return nil
}
