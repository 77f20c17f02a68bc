package ledger_test

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// budget bounds how often each failure happens on one path.
type budget struct {
	crash  int8 // a process dies, with its memory
	expire int8 // a session is reaped though its process lives
	lose   int8 // an operation is applied, its answer is lost, and it is sent again
	late   int8 // a copy of a commit is delayed, and arrives later
	drop   int8 // the store loses an output
	fail   int8 // a task fails permanently
	retry  int8 // a task fails and is tried again
	back   int8 // a claim is returned
	leave  int8 // a process leaves properly
	more   int8 // the last edge of an end is left for a later commit
	stop   int8
	pause  int8
	revise int8 // a run that has not succeeded is continued from what is left
}

// rules are how the processes of a world behave.
type rules struct {
	processes int
	want      int  // claims that a process asks for when it has nothing to do
	hold      bool // outputs may be held for children that are not ready
	noBecome  bool // no process becomes a node that it made ready
	// countEarly is a mistake of processes: edges are set before the output is stored.
	countEarly bool
}

// message is an operation that was sent but has not arrived, with the outputs that come with it.
type message struct {
	op      ledger.Op
	outputs []output
}

type output struct {
	node  dag.NodeID
	value byte
}

// world is one state of the exploration: the state of the run, and what the processes know about it.
type world struct {
	rules
	shape *shape
	facts *facts
	s     *ledger.State
	fault fault
	procs []proc
	air   []message // copies of commits that are late
	left  budget

	store    []byte // values of outputs, 0 for none; by node, as all below
	stored   []bool // an output of its present epoch was stored
	ender    []ledger.SessionID
	accepted []uint16 // how many ends were OK: one in each epoch
	logged   []uint16 // the log: epoch+1 of the last end
	outcome  []record.Outcome
	readied  []bool // the log has an entry that made it ready
	seq      uint64
	over     bool // the log has the end of the run
}

func begin(s *shape, policy record.Policy, r rules, left budget) (*world, error) {
	state, entry := ledger.New(s.layout.Config(policy, dag.Limits{}))
	w := &world{rules: r, shape: s, s: state, left: left, procs: make([]proc, r.processes)}
	for i := range w.procs {
		w.procs[i] = proc{name: byte('a' + i)}
	}
	w.grow()
	return w, w.fold(entry)
}

// grow makes room for nodes that an expansion has appended.
func (w *world) grow() {
	w.facts = w.shape.at(w.s.Blocks)
	n := len(w.s.Nodes) - len(w.store)
	if n == 0 {
		return
	}
	w.store = append(w.store, make([]byte, n)...)
	w.stored = append(w.stored, make([]bool, n)...)
	w.ender = append(w.ender, make([]ledger.SessionID, n)...)
	w.accepted = append(w.accepted, make([]uint16, n)...)
	w.logged = append(w.logged, make([]uint16, n)...)
	w.outcome = append(w.outcome, make([]record.Outcome, n)...)
	w.readied = append(w.readied, make([]bool, n)...)
}

func (w *world) clone() *world {
	c := *w
	c.s = w.s.Clone()
	c.procs = slices.Clone(w.procs)
	for i := range c.procs {
		c.procs[i].unshare()
	}
	c.air = slices.Clone(w.air)
	c.store, c.stored, c.ender = slices.Clone(w.store), slices.Clone(w.stored), slices.Clone(w.ender)
	c.accepted, c.logged = slices.Clone(w.accepted), slices.Clone(w.logged)
	c.outcome, c.readied = slices.Clone(w.outcome), slices.Clone(w.readied)
	return &c
}

// key distinguishes worlds that can develop differently.
func (w *world) key(b []byte) []byte {
	b = w.s.AppendKey(b)
	l := w.left
	b = append(b, byte(l.crash), byte(l.expire), byte(l.lose), byte(l.late), byte(l.drop), byte(l.fail), byte(l.retry),
		byte(l.back), byte(l.leave), byte(l.more), byte(l.stop), byte(l.pause), byte(l.revise))
	for i := range w.procs {
		b = w.procs[i].key(b, w)
	}
	for _, m := range w.air {
		b = w.keyOf(m, append(b, '~'))
	}
	b = append(b, w.store...)
	for i := range w.stored {
		f := byte(0)
		if w.stored[i] {
			f = 1
		}
		b = append(b, f|byte(w.accepted[i])<<1, byte(w.outcome[i]), byte(w.logged[i]))
		b = append(b, w.ender[i]...)
	}
	return b
}

// keyOf is the key of a message: for a commit, it matters whether its number is the next one.
func (w *world) keyOf(m message, b []byte) []byte {
	switch op := m.op.(type) {
	case ledger.Commit:
		b = append(append(b, 'c'), op.Session...)
		ahead := uint64(0)
		if ses := w.s.Session(op.Session); ses != nil && op.Number > ses.Last {
			ahead = op.Number - ses.Last
		}
		b = append(b, byte(ahead), byte(op.Want), byte(op.Keep))
		b = append(b, op.Packed...)
		for _, g := range op.Onward {
			b = append(b, 'o', byte(g.Node))
		}
		for _, e := range op.Edges {
			b = append(b, 'e', byte(e.Offset), byte(e.Hold))
		}
		for _, id := range slices.Concat(op.EdgesDone, op.Unhold) {
			b = append(b, 't', byte(id))
		}
	case ledger.Invalidate:
		b = append(append(b, 'i'), op.Session...)
		b = append(b, byte(op.Consumer), byte(op.Epoch))
		for _, l := range op.Lost {
			b = binary.AppendUvarint(b, uint64(l.Node)<<8|uint64(l.Epoch))
		}
	}
	return b
}

// deliver applies an operation that has reached the store, and reports violations.
func (w *world) deliver(m message) (ledger.Reply, error) {
	var epochs []uint16
	if c, ok := m.op.(ledger.Commit); ok {
		for _, e := range c.Ends {
			epochs = append(epochs, w.s.Nodes[e.Node].Epoch)
		}
	}
	r, entry := w.fault.apply(w.s, m.op)
	w.grow()
	if err := w.fold(entry); err != nil {
		return r, err
	}
	if c, ok := m.op.(ledger.Commit); ok && r.Verdict == ledger.Applied {
		for _, o := range m.outputs {
			w.store[o.node], w.stored[o.node] = o.value, true
		}
		for _, g := range c.Onward {
			w.readied[g.Node] = true
		}
		for i, e := range c.Ends {
			w.readied[e.Node] = true
			if e.Outcome != record.OutcomeOK {
				continue
			}
			w.ender[e.Node] = c.Session
			if w.accepted[e.Node]++; w.accepted[e.Node] != epochs[i]+1 {
				return r, fmt.Errorf("node %d is accepted %d times by epoch %d", e.Node, w.accepted[e.Node], epochs[i])
			}
		}
	}
	if op, ok := m.op.(ledger.Invalidate); ok && r.Verdict == ledger.Applied {
		for _, l := range op.Lost {
			if !w.s.Nodes[l.Node].Status.Terminal() {
				w.stored[l.Node] = false
			}
		}
	}
	return r, nil
}

// fold reads an entry of the log, as a viewer does.
func (w *world) fold(e *ledger.Entry) error {
	if e == nil {
		return nil
	}
	if e.First != w.seq+1 {
		return fmt.Errorf("an entry begins with step %d, expected %d", e.First, w.seq+1)
	}
	w.seq += uint64(e.Steps + len(e.Plain))
	if w.seq != w.s.Seq || w.over {
		return fmt.Errorf("the log has %d steps, expected %d, over: %t", w.seq, w.s.Seq, w.over)
	}
	for i := 0; i+2 < len(e.Packed); i += 3 {
		if err := w.foldEnd(dag.NodeID(e.Packed[i]), uint16(e.Packed[i+1]), record.Outcome(e.Packed[i+2])); err != nil {
			return err
		}
	}
	for _, r := range e.Readied {
		w.readied[r.Node] = true
	}
	if e.Block != nil {
		x := w.facts.layout.Expand(e.Block.Expansion, e.Block.Width)
		for i := range x.Width {
			for _, root := range x.Roots {
				w.readied[e.Block.First+dag.NodeID(i*x.Size)+root.Node] = true
			}
		}
	}
	for _, s := range e.Plain {
		for _, id := range s.Readied {
			w.readied[id] = true
		}
		w.over = w.over || s.Kind == record.RunFinished
	}
	return nil
}

// foldEnd reads the end of an attempt, and checks that everything it waited for has ended before.
func (w *world) foldEnd(id dag.NodeID, epoch uint16, outcome record.Outcome) error {
	if outcome == record.OutcomeRetrying {
		return nil
	}
	for _, p := range w.facts.nodes[id].parents {
		if w.logged[p] == 0 && outcome != record.OutcomeCancelled {
			return fmt.Errorf("the log has node %d before node %d, which it waits for", id, p)
		}
	}
	w.logged[id], w.outcome[id] = epoch+1, outcome
	return nil
}

// ends are the outcomes that correspond to statuses.
var ends = map[ledger.NodeStatus]record.Outcome{
	ledger.OK: record.OutcomeOK, ledger.Failed: record.OutcomeFailed, ledger.Skipped: record.OutcomeSkipped,
	ledger.Cancelled: record.OutcomeCancelled,
}

// check checks what is true in every state.
func (w *world) check() error {
	if !w.fault.is() {
		if err := w.s.Check(); err != nil {
			return err
		}
	}
	for i := range w.s.Nodes {
		n := &w.s.Nodes[i]
		want := n.Status.Terminal()
		if got := w.logged[i] == n.Epoch+1; got != want || want && w.outcome[i] != ends[n.Status] {
			return fmt.Errorf("node %d has status %d in epoch %d, the log says %d in %d", i, n.Status, n.Epoch, w.outcome[i], int(w.logged[i])-1)
		}
	}
	if w.over != w.s.Status.Final() {
		return fmt.Errorf("the run is %s, the log says that it is over: %t", w.s.Status, w.over)
	}
	if w.over {
		return w.checkEnd()
	}
	return nil
}

// checkEnd checks what is true of a run that is over.
func (w *world) checkEnd() error {
	for i := range w.s.Nodes {
		if n := &w.s.Nodes[i]; n.Status == ledger.Claimed {
			return fmt.Errorf("the run is over while %s has node %d", n.Session, i)
		}
		f, ok := &w.facts.nodes[i], w.s.Nodes[i].Status == ledger.OK
		if w.s.Status == record.Succeeded && !ok {
			return fmt.Errorf("the run has succeeded, but node %d has status %d", i, w.s.Nodes[i].Status)
		}
		if ok && f.kind == dag.TaskNode && f.kept && w.store[i] != f.want {
			return fmt.Errorf("the result needs %d of node %d, expected %d", w.store[i], i, f.want)
		}
		if v := w.store[i]; v != 0 && v != f.want {
			return fmt.Errorf("the output of node %d is %d, expected %d", i, v, f.want)
		}
	}
	return nil
}
