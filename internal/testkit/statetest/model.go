package statetest

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// model is a run as the ledger defines it, for a store of a single process: one session holds all claims, and all that
// such a store does by itself, to end joins and skipped nodes, are local ends in the commit of their cause. Which ready
// node is claimed, and when a retry is due, is up to the store that is compared. The model makes the log that the store
// has to keep. It belongs to one goroutine.
type model struct {
	ledger  *ledger.State
	layout  *ledgertest.Layout
	number  uint64 // of the last commit
	log     []record.Step
	since   map[dag.NodeID]int64 // when nodes became ready
	delayed map[dag.NodeID]int64 // ready in the ledger, but not before that moment: to be retried
	held    map[dag.NodeID]holding
}

// holding is a claim that is held.
type holding struct {
	token uint64
	slot  uint16
	head  bool // of a ready node, not passed on by a completion
}

// only is the session of the process.
const only ledger.SessionID = "only"

// newModel is the model of a run that has just started.
func newModel(job execution.Job) *model {
	l := ledgertest.NewLayout(job.Graph)
	m := &model{
		layout: l, since: map[dag.NodeID]int64{}, delayed: map[dag.NodeID]int64{}, held: map[dag.NodeID]holding{},
	}
	s, entry := ledger.New(l.Config(job.Options.Policy, job.Options.Limits))
	m.ledger = s
	m.plain(entry)
	if !m.over() {
		m.apply(ledger.Open{Session: only, Lease: 1})
	}
	return m
}

func (m *model) over() bool { return m.ledger.Status.Final() }

// ending reports whether the run is being stopped, or over.
func (m *model) ending() bool { return m.over() || m.ledger.Stopping != "" }

func (m *model) node(id dag.NodeID) *ledger.Node { return &m.ledger.Nodes[id] }

// ready reports whether a node waits for nothing but a claim.
func (m *model) ready(id dag.NodeID) bool {
	_, isDelayed := m.delayed[id]
	return int(id) < len(m.ledger.Nodes) && m.node(id).Status == ledger.Ready && !isDelayed
}

// claimable reports whether a node can be claimed now: the run is active, and fewer tasks of its function are claimed
// than may be.
func (m *model) claimable(id dag.NodeID) bool {
	if !m.ledger.Active() || !m.ready(id) {
		return false
	}
	q := m.queueOf(id)
	bound := m.ledger.MaxConcurrent[q.Class]
	return bound == 0 || q.Claimed < bound
}

// any finds a node for which a condition holds, NoNode for none.
func (m *model) any(is func(dag.NodeID) bool) dag.NodeID {
	for i := range m.ledger.Nodes {
		if is(dag.NodeID(i)) {
			return dag.NodeID(i)
		}
	}
	return dag.NoNode
}

func (m *model) queueOf(id dag.NodeID) *ledger.Queue {
	i := slices.IndexFunc(m.ledger.Queues, func(q ledger.Queue) bool { return q.Class == m.node(id).Class })
	return &m.ledger.Queues[i]
}

// progress counts as a store does: what fails for good is a task or an expansion that is too wide, of which only tasks are
// counted.
func (m *model) progress() execution.Progress {
	c := m.ledger.Counts
	p := execution.Progress{
		Status: m.ledger.Status, Tasks: c.Tasks, Done: c.Done, Skipped: c.Skipped, Retries: c.Retries, Running: c.Claims,
	}
	for i := range m.ledger.Nodes {
		if m.ledger.Nodes[i].Status == ledger.Failed && m.isTask(dag.NodeID(i)) {
			p.Failed++
		}
	}
	return p
}

func (m *model) isTask(id dag.NodeID) bool { return m.layout.Kind(id) == dag.TaskNode }

// apply carries out an operation, and logs the steps that the ledger makes itself.
func (m *model) apply(op ledger.Op) ledger.Reply {
	r, entry := m.ledger.Apply(op)
	m.plain(entry)
	return r
}

func (m *model) plain(e *ledger.Entry) {
	if e == nil {
		return
	}
	for _, s := range e.Plain {
		m.append(s)
	}
}

func (m *model) append(s record.Step) {
	s.Seq = uint64(len(m.log) + 1)
	m.log = append(m.log, s)
}

// commit is a commit of the session with the steps that it logs. It gives the nodes that its edges made ready.
func (m *model) commit(op ledger.Commit, steps ...record.Step) (ledger.Reply, []dag.NodeID) {
	op.Session, op.Number, op.Lease, op.Steps, op.Blocks = only, m.number+1, 1, len(steps), len(m.ledger.Blocks)
	r, entry := m.ledger.Apply(op)
	if r.Verdict != ledger.Applied {
		return r, nil
	}
	m.number++
	for _, s := range steps {
		m.append(s)
	}
	m.plain(entry)
	var made []dag.NodeID
	for _, b := range r.Blocks {
		m.layout.Append(b)
		for i := range b.Width {
			x := m.layout.Expand(b.Expansion, b.Width)
			for _, root := range x.Roots {
				made = append(made, b.First+dag.NodeID(i*x.Size)+root.Node)
			}
		}
	}
	if entry != nil {
		for _, n := range entry.Readied {
			made = append(made, n.Node)
		}
	}
	return r, made
}

// claim claims one ready node, whatever its place in the queue.
func (m *model) claim(id dag.NodeID, h holding) {
	q := m.queueOf(id)
	at := slices.Index(q.Ready, id)
	q.Ready = slices.Insert(slices.Delete(q.Ready, at, at+1), 0, id)
	m.commit(ledger.Commit{Want: 1, Classes: []ledger.Class{q.Class}})
	m.held[id] = h
	delete(m.delayed, id)
}

// take claims a node for a slot under a token of the store; false where it cannot be claimed.
func (m *model) take(id dag.NodeID, token uint64, slot int, head bool) (state.Claim, bool) {
	if !m.claimable(id) {
		return state.Claim{}, false
	}
	m.claim(id, holding{token: token, slot: uint16(slot), head: head})
	n := m.node(id)
	return state.Claim{Node: id, Epoch: n.Epoch, Attempt: n.Attempts + 1, Token: token, Ready: m.since[id]}, true
}

// holds reports whether a node is claimed under a token.
func (m *model) holds(id dag.NodeID, token uint64) bool {
	h, ok := m.held[id]
	return ok && h.token == token
}

// release returns a claim.
func (m *model) release(c state.Claim) error {
	if !m.holds(c.Node, c.Token) {
		return fmt.Errorf("node %d is not claimed under token %d", c.Node, c.Token)
	}
	delete(m.held, c.Node)
	m.commit(ledger.Commit{Ends: []ledger.End{{Node: c.Node}}})
	return nil
}

// due lets a node be claimed whose retry the store holds to be due; an error before its moment.
func (m *model) due(id dag.NodeID, now int64) error {
	at, ok := m.delayed[id]
	if ok && now < at {
		return fmt.Errorf("node %d is claimed at %d, before its retry is due at %d", id, now, at)
	}
	delete(m.delayed, id)
	return nil
}

func (m *model) stop(status record.Status, reason record.StepKind) {
	m.apply(ledger.Stop{Status: status, Reason: reason})
}

// note logs a step that changes nothing.
func (m *model) note(s record.Step) { m.commit(ledger.Commit{}, s) }

// announce logs that the attempt of a claimed node has been running for a while.
func (m *model) announce(e *state.End) {
	m.commit(ledger.Commit{Started: []dag.NodeID{e.Node}}, m.stepOf(e, record.AttemptStarted))
}

// stepOf is the step of an attempt that is claimed.
func (m *model) stepOf(e *state.End, kind record.StepKind) record.Step {
	h := m.held[e.Node]
	updated := e.Updated
	if updated == 0 {
		updated = e.Ended
	}
	return record.Step{
		Kind: kind, Announced: e.Announced, Head: h.head, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: h.slot,
		Ready: m.since[e.Node], Claimed: e.Claimed, Started: e.Started, Ended: e.Ended, Updated: updated, Fetch: e.Fetch,
		OutputBytes: e.OutputBytes, Became: dag.NoNode,
	}
}
