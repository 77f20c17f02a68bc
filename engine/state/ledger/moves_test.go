package ledger_test

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// move is one event that can happen.
type move struct {
	what string
	proc int // -1 for none
	node dag.NodeID
	way  way
	// progress: the move happens eventually unless another one does, so a run must be able to end by such moves alone.
	progress bool
	do       func(w *world) error
}

func (m move) String() string {
	s := m.what
	if m.proc >= 0 {
		s = fmt.Sprintf("%c %s", 'a'+m.proc, s)
	}
	if m.node != dag.NoNode {
		s += fmt.Sprintf(" %d", m.node)
	}
	return s + m.way.String()
}

func (v way) String() (s string) {
	for _, part := range []struct {
		is   bool
		text string
	}{
		{v.hold, "holds outputs"},
		{v.give, "gives away"},
		{v.more, "leaves an edge"},
		{v.unhold, "stores what it held"},
		{v.back, "gives back"},
		{v.lose, "its answer lost"},
		{v.late, "late"},
	} {
		if part.is {
			s += ", " + part.text
		}
	}
	return s
}

// moves lists all events that can happen; those that cost some of the budget come last.
func (w *world) moves() (out []move) {
	if w.over {
		return []move{{what: "the next revision begins", proc: -1, node: dag.NoNode, do: (*world).revise}}
	}
	for i := range w.procs {
		out = w.works(out, i)
	}
	for i := range w.s.Sessions {
		id := w.s.Sessions[i].ID
		if !slices.ContainsFunc(w.procs, func(p proc) bool { return p.session == id }) {
			out = append(out, move{what: "is reaped: " + string(id), proc: -1, node: dag.NoNode, progress: true, do: reap(id)})
		}
	}
	for i := range w.procs {
		out = w.mishaps(out, i)
	}
	return w.outside(out)
}

func reap(id ledger.SessionID) func(w *world) error {
	return func(w *world) error {
		_, err := w.deliver(message{op: ledger.Reap{Now: 1, Session: id, Poison: 3}})
		return err
	}
}

// works lists what a process can do as long as nothing goes wrong.
func (w *world) works(out []move, i int) []move {
	p := &w.procs[i]
	add := func(what string, node dag.NodeID, v way, do func(w *world) error) {
		out = append(out, move{what: what, proc: i, node: node, way: v, progress: true, do: do})
	}
	if p.session == "" {
		add("opens", dag.NoNode, way{}, func(w *world) error { return w.open(i) })
		return out
	}
	if p.sent != nil {
		add("sends again", dag.NoNode, way{}, func(w *world) error {
			m := *w.procs[i].sent
			r, err := w.deliver(m)
			if err != nil {
				return err
			}
			return w.answer(i, m, r)
		})
		return out
	}
	if len(p.late) > 0 {
		add("stores", p.late[0].node, way{}, func(w *world) error {
			o := w.procs[i].late[0]
			w.procs[i].late = w.procs[i].late[1:]
			w.store[o.node], w.stored[o.node] = o.value, true
			return nil
		})
	}
	if c, local, ok := w.ready(p); ok {
		out = w.runs(out, i, c, local)
	}
	if w.mayCommit(p) {
		for _, v := range w.ways(p) {
			add("commits", dag.NoNode, v, func(w *world) error { return w.commit(i, v) })
		}
	}
	return out
}

func (w *world) open(i int) error {
	p := &w.procs[i]
	p.session = ledger.SessionID([]byte{p.name, '0' + p.incarnation})
	_, err := w.deliver(message{op: ledger.Open{Now: 1, Session: p.session, Lease: 1}})
	return err
}

// runs lists how the next node of a process can end.
func (w *world) runs(out []move, i int, c ledger.Claim, local bool) []move {
	outcome := record.OutcomeOK
	kind := w.facts.nodes[c.Node].kind
	switch {
	case c.EdgesOnly:
	case c.Skip:
		outcome = record.OutcomeSkipped
	case c.Poison:
		outcome = record.OutcomeFailed
	case w.procs[i].stopping && !local:
		outcome = record.OutcomeCancelled
	case kind != dag.JoinNode && !local:
		lost, err := w.missing(&w.procs[i], c.Node, c.Epoch)
		if len(lost) > 0 || err != nil {
			return w.misses(out, i, c.Node, lost, err)
		}
	}
	out = append(out, move{what: "runs", proc: i, node: c.Node, progress: true, do: func(w *world) error { return w.run(i, outcome) }})
	if kind != dag.TaskNode || outcome != record.OutcomeOK || c.EdgesOnly {
		return out
	}
	if w.left.fail > 0 {
		out = append(out, move{what: "fails", proc: i, node: c.Node, do: func(w *world) error { w.left.fail--; return w.run(i, record.OutcomeFailed) }})
	}
	if w.left.retry > 0 && !local && len(w.procs[i].batch) == 0 {
		out = append(out, move{what: "fails once", proc: i, node: c.Node, do: func(w *world) error { w.left.retry--; return w.run(i, record.OutcomeRetrying) }})
	}
	return out
}

// misses lists what a process can do if it lacks inputs.
func (w *world) misses(out []move, i int, node dag.NodeID, lost []dag.NodeID, err error) []move {
	out = append(out, move{what: "lacks inputs of", proc: i, node: node, progress: true, do: func(w *world) error {
		if err != nil {
			return err
		}
		return w.fetch(i, lost, false)
	}})
	if w.left.lose > 0 && err == nil {
		out = append(out, move{what: "lacks inputs, answer lost, of", proc: i, node: node, do: func(w *world) error { return w.fetch(i, lost, true) }})
	}
	return out
}

// mayCommit reports whether a process has anything to report, to request or to learn.
func (w *world) mayCommit(p *proc) bool {
	ses := w.s.Session(p.session)
	switch {
	case len(p.batch)+len(p.later)+len(p.owed) > 0:
		return true
	case ses == nil:
		return len(p.claims) == 0 // it will find out that it is over
	case len(ses.Owed) > 0, len(p.held) > 0, w.s.Stopping != "" && !p.stopping:
		return true
	default:
		return len(p.claims) < w.want && w.grants(ses)
	}
}

// grants reports whether the ledger would grant a claim to a session.
func (w *world) grants(ses *ledger.Session) bool {
	if !w.s.Active() || ses.Solo > 0 {
		return false
	}
	for _, q := range w.s.Queues {
		bound := w.s.MaxConcurrent[q.Class]
		if (len(q.Ready) > 0 || len(q.Solo) > 0 && ses.Claims == 0) && (bound == 0 || q.Claimed < bound) {
			return true
		}
	}
	return len(ses.Ready)+len(w.s.Retries) > 0
}

// ways lists how a process can commit what it has done, the simplest way first.
func (w *world) ways(p *proc) []way {
	out := []way{{}}
	if len(p.held) > 0 {
		out = []way{{unhold: true}}
		if len(p.batch) > 0 {
			out = append(out, way{})
		}
	}
	if w.hold && len(p.batch) > 0 {
		out = append(out, way{hold: true})
	}
	if len(p.next) > 1 {
		out = append(out, way{give: true})
	}
	return out
}

// mishaps lists failures of a process.
func (w *world) mishaps(out []move, i int) []move {
	p := &w.procs[i]
	add := func(what string, v way, do func(w *world) error) {
		out = append(out, move{what: what, proc: i, node: dag.NoNode, way: v, do: do})
	}
	if p.session == "" {
		return out
	}
	if w.left.crash > 0 {
		add("dies", way{}, func(w *world) error { w.left.crash--; w.procs[i].reset(); return nil })
	}
	if w.left.expire > 0 && w.s.Session(p.session) != nil {
		add("is taken for dead", way{}, func(w *world) error { w.left.expire--; return reap(w.procs[i].session)(w) })
	}
	if p.sent != nil {
		return out
	}
	commit := func(what string, v way) { add(what, v, func(w *world) error { return w.commit(i, v) }) }
	if w.mayCommit(p) {
		for _, v := range w.ways(p) {
			if w.left.lose > 0 {
				v.lose, v.late = true, false
				commit("commits", v)
			}
			if w.left.late > 0 {
				v.lose, v.late = false, true
				commit("commits", v)
			}
		}
	}
	if w.left.more > 0 && len(p.batch) > 0 && len(p.later) == 0 {
		if d := p.batch[len(p.batch)-1]; len(w.facts.nodes[d.node].edges) > 1 && w.facts.nodes[d.node].kind != dag.ExpandNode {
			commit("commits", way{more: true})
		}
	}
	if len(p.batch) > 0 {
		return out
	}
	if w.left.back > 0 && len(p.claims) > 0 {
		commit("gives back", way{back: true})
	}
	if w.left.leave > 0 {
		add("leaves", way{}, func(w *world) error { w.left.leave--; return w.leave(i) })
	}
	return out
}

// leave stores the outputs of a process, and ends its session.
func (w *world) leave(i int) error {
	p := &w.procs[i]
	l := letter{world: w, p: p}
	for id, v := range p.memory {
		if v != 0 && w.store[id] == 0 {
			l.store(dag.NodeID(id))
		}
	}
	p.number++
	m := message{ledger.Commit{Now: 1, Session: p.session, Number: p.number, Lease: 1, Blocks: p.blocks}, l.out}
	if _, err := w.deliver(m); err != nil {
		return err
	}
	session := p.session
	p.reset()
	_, err := w.deliver(message{op: ledger.Leave{Now: 1, Session: session}})
	return err
}

// outside lists events that no process causes.
func (w *world) outside(out []move) []move {
	add := func(what string, progress bool, do func(w *world) error) {
		out = append(out, move{what: what, proc: -1, node: dag.NoNode, progress: progress, do: do})
	}
	plain := func(op ledger.Op) func(w *world) error {
		return func(w *world) error { _, err := w.deliver(message{op: op}); return err }
	}
	if w.s.Status == record.Paused {
		add("resume", true, plain(ledger.Resume{Now: 1}))
	} else if w.left.pause > 0 && w.s.Active() {
		add("pause", false, func(w *world) error { w.left.pause--; return plain(ledger.Pause{Now: 1})(w) })
	}
	if w.left.stop > 0 && w.s.Stopping == "" {
		add("stop", false, func(w *world) error {
			w.left.stop--
			return plain(ledger.Stop{Now: 1, Status: record.Cancelled, Reason: record.CancelRequested})(w)
		})
	}
	for i := range w.air {
		add(fmt.Sprintf("a late copy of %s arrives", w.air[i].op.(ledger.Commit).Session), false, func(w *world) error {
			m := w.air[i]
			w.air = slices.Delete(slices.Clone(w.air), i, i+1)
			_, err := w.deliver(m)
			return err
		})
	}
	if w.left.drop == 0 {
		return out
	}
	for id, v := range w.store {
		if v != 0 && !w.facts.nodes[id].kept {
			add(fmt.Sprintf("the store loses the output of %d", id), false, func(w *world) error {
				w.left.drop--
				w.store[id] = 0
				return nil
			})
		}
	}
	return out
}
