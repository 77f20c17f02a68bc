package protocol_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
)

// budget bounds how often each mishap happens on one path.
type budget struct{ repeat, release, abandon, fail, retry, stop, pause int8 }

// laneView is what a lane believes.
type laneView struct {
	claim protocol.Claim     // Token 0: none
	lost  *protocol.Complete // sent, but the answer is lost: it will be sent again
	reply protocol.Reply     // the lost answer
}

func (l laneView) key() string {
	b := binary.AppendUvarint(nil, l.claim.Token)
	if l.lost != nil {
		b = binary.AppendUvarint(b, l.lost.Token)
		b = binary.AppendUvarint(b, l.lost.NextToken)
		for _, e := range l.lost.Ends {
			b = append(b, byte(e.Node), byte(e.Attempt), byte(e.Outcome), byte(e.Width))
		}
	}
	return string(append(b, '|'))
}

// world is one state of the exploration: that of the run, and what the lanes know of it.
type world struct {
	s      *protocol.State
	lanes  [2]laneView
	left   budget
	ended  []int8   // accepted good ends of each node
	again  bool     // what is applied is a repetition
	widths []uint32 // of expansions
	grants []int8   // of each node: makes tokens the same whatever happened elsewhere
}

func (w *world) clone() *world {
	c := *w
	c.s = w.s.Clone()
	c.ended, c.grants = slices.Clone(w.ended), slices.Clone(w.grants)
	return &c
}

func (w *world) key() string {
	b := []byte(w.s.Key())
	one, other := w.lanes[0].key(), w.lanes[1].key()
	b = append(append(b, min(one, other)...), max(one, other)...) // lanes are alike
	l := w.left
	b = append(b, byte(l.repeat), byte(l.release), byte(l.abandon), byte(l.fail), byte(l.retry), byte(l.stop), byte(l.pause))
	for i := range w.ended {
		b = append(b, byte(w.ended[i]), byte(w.grants[i]))
	}
	return string(b)
}

// token is the one under which node would be claimed next.
func (w *world) token(node dag.NodeID) uint64 {
	w.room()
	return uint64(node)*100 + uint64(w.grants[node]) + 1
}

func (w *world) room() {
	for len(w.ended) < len(w.s.Nodes) {
		w.ended, w.grants = append(w.ended, 0), append(w.grants, 0)
	}
}

// done is the explorer's own idea of whether a node has ended well.
func (w *world) done(id dag.NodeID) bool {
	if w.s.Kind(id) != dag.JoinNode {
		return w.ended[id] > 0
	}
	return !slices.ContainsFunc(w.s.Parents(id), func(p dag.NodeID) bool { return !w.done(p) })
}

// apply carries out an operation and reports what must never happen.
func (w *world) apply(op protocol.Op) (protocol.Reply, error) {
	reply, steps := w.s.Apply(op)
	w.room()
	for _, s := range steps {
		if s.Outcome != record.OutcomeOK || s.Kind == record.RunFinished || w.again {
			continue
		}
		if w.ended[s.Node]++; w.ended[s.Node] > 1 {
			return reply, fmt.Errorf("node %d is accepted twice", s.Node)
		}
	}
	for _, c := range reply.Claims {
		for _, p := range w.s.Parents(c.Node) {
			if !w.done(p) {
				return reply, fmt.Errorf("node %d is claimed before %d has ended", c.Node, p)
			}
		}
	}
	if !w.s.Broken() {
		return reply, w.s.Check()
	}
	return reply, nil
}

// granted notes a claim that a lane has got.
func (w *world) granted(lane int, r protocol.Reply) {
	w.lanes[lane] = laneView{}
	if len(r.Claims) > 0 {
		w.lanes[lane].claim = r.Claims[0]
	}
}

// move is one thing that can happen.
type move struct {
	what string
	args []any
	do   func(w *world) error
}

func (m move) String() string { return m.what + " " + strings.Trim(fmt.Sprint(m.args), "[]") }

// moves lists all that can happen, what costs of the budget included.
func (w *world) moves() []move {
	var out []move
	for i := range w.lanes {
		switch l := &w.lanes[i]; {
		case l.lost != nil:
			out = append(out, move{"repeats: lane", []any{i}, func(w *world) error { return w.repeat(i) }})
		case l.claim.Token == 0:
			out = append(out, w.takes(i)...)
		default:
			out = append(out, w.ends(i)...)
		}
	}
	return append(out, w.outside()...)
}

func (w *world) takes(lane int) []move {
	var out []move
	for n := range w.s.Nodes {
		id := dag.NodeID(n)
		if w.s.Claimable(id) {
			out = append(out, move{"claims: lane, node", []any{lane, id}, func(w *world) error {
				r, err := w.apply(protocol.Take{Grants: []protocol.Grant{{Node: id, Token: w.token(id)}}})
				w.grants[id]++
				w.granted(lane, r)
				return err
			}})
		}
	}
	return out
}

func (w *world) ends(lane int) []move {
	var out []move
	c := w.lanes[lane].claim
	end := protocol.End{Node: c.Node, Attempt: c.Attempt, Outcome: record.OutcomeOK}
	widths := []uint32{0}
	if w.s.Kind(c.Node) == dag.ExpandNode {
		widths = w.widths
	}
	for _, width := range widths {
		end.Width = width
		out = append(out, w.completions(lane, []protocol.End{end})...)
		for n := range w.s.Nodes {
			id := dag.NodeID(n)
			if w.s.Kind(id) != dag.JoinNode && slices.Equal(w.s.Parents(id), []dag.NodeID{c.Node}) && w.s.Kind(c.Node) == dag.TaskNode {
				behind := protocol.End{Node: id, Attempt: 1, Outcome: record.OutcomeOK}
				out = append(out, w.completions(lane, []protocol.End{end, behind})...)
			}
		}
	}
	end.Width = 0
	fails := func(outcome record.Outcome, pay func(b *budget) *int8) {
		if w.s.Kind(c.Node) == dag.TaskNode && *pay(&w.left) > 0 {
			e := end
			e.Outcome = outcome
			for _, m := range w.completions(lane, []protocol.End{e}) {
				out = append(out, move{m.what, m.args, func(w *world) error { *pay(&w.left)--; return m.do(w) }})
			}
		}
	}
	fails(record.OutcomeFailed, func(b *budget) *int8 { return &b.fail })
	fails(record.OutcomeRetrying, func(b *budget) *int8 { return &b.retry })
	if w.s.Stopping != "" {
		end.Outcome = record.OutcomeCancelled
		out = append(out, w.completions(lane, []protocol.End{end})...)
	}
	return append(out, w.mishaps(lane)...)
}

// completions are the ways to complete a strand: without a next claim, with each possible one, and with the answer lost.
func (w *world) completions(lane int, ends []protocol.End) []move {
	op := protocol.Complete{Token: w.lanes[lane].claim.Token, Ends: ends, Prefer: dag.NoNode}
	ops := []protocol.Complete{op}
	trial := w.clone()
	_, steps := trial.s.Apply(op)
	for _, s := range steps {
		for _, id := range s.Readied {
			if trial.s.Claimable(id) {
				op.Next, op.Prefer, op.NextToken = true, id, trial.token(id)
				ops = append(ops, op)
			}
		}
	}
	var out []move
	for _, op := range ops {
		args := []any{lane, ends, int32(op.Prefer)}
		out = append(out, move{"completes: lane, ends, next", args, func(w *world) error { return w.complete(lane, op, false) }})
		if w.left.repeat > 0 {
			out = append(out, move{"completes, answer lost: lane, ends, next", args, func(w *world) error { return w.complete(lane, op, true) }})
		}
	}
	return out
}

func (w *world) complete(lane int, op protocol.Complete, lose bool) error {
	n := &w.s.Nodes[op.Ends[0].Node]
	held := n.Status == protocol.Claimed && n.Token == op.Token
	r, err := w.apply(op)
	if err != nil {
		return err
	}
	if r.Verdict == protocol.Refused && !w.s.Broken() || held != (r.Verdict == protocol.Accepted) {
		return fmt.Errorf("verdict %d %s for a claim that is held: %t", r.Verdict, r.Why, held)
	}
	for _, c := range r.Claims {
		w.grants[c.Node]++
	}
	if !lose {
		w.granted(lane, r)
		return nil
	}
	w.left.repeat--
	w.lanes[lane] = laneView{lost: &op, reply: r}
	return nil
}

// repeat sends a completion again. It gets the same answer, unless the node was claimed anew by then.
func (w *world) repeat(lane int) error {
	l := w.lanes[lane]
	before := w.s.Key()
	w.again = true
	r, err := w.apply(*l.lost)
	w.again = false
	if err != nil {
		return err
	}
	if r.Verdict == protocol.Accepted {
		if !w.s.Broken() && (fmt.Sprint(r) != fmt.Sprint(l.reply) || before != w.s.Key()) {
			return fmt.Errorf("repeated, the answer is %v, expected %v and no change", r, l.reply)
		}
		r = l.reply
	}
	w.granted(lane, r)
	return nil
}

// mishaps take a claim away from a lane, which may not notice.
func (w *world) mishaps(lane int) []move {
	var out []move
	c := w.lanes[lane].claim
	n := &w.s.Nodes[c.Node]
	if n.Status != protocol.Claimed || n.Token != c.Token {
		return nil
	}
	if w.left.release > 0 {
		out = append(out, move{"claim given back: lane, node", []any{lane, c.Node}, func(w *world) error {
			w.left.release--
			_, err := w.apply(protocol.Release{Token: c.Token, Node: c.Node})
			return err
		}})
	}
	if w.left.abandon > 0 && w.s.Kind(c.Node) == dag.TaskNode {
		out = append(out, move{"attempt given up: lane, node", []any{lane, c.Node}, func(w *world) error {
			w.left.abandon--
			_, err := w.apply(protocol.Abandon{Token: c.Token, End: protocol.End{Node: c.Node, Attempt: c.Attempt, Outcome: record.OutcomeRetrying}})
			return err
		}})
	}
	return out
}

// outside is what no lane does.
func (w *world) outside() []move {
	var out []move
	plain := func(name string, op protocol.Op, pay func(b *budget)) {
		out = append(out, move{name, nil, func(w *world) error {
			pay(&w.left)
			_, err := w.apply(op)
			return err
		}})
	}
	for n := range w.s.Nodes {
		if w.s.Nodes[n].Status == protocol.Waiting && !w.s.Status.Final() {
			plain("is due", protocol.Due{Node: dag.NodeID(n)}, func(*budget) {})
		}
	}
	if w.left.stop > 0 && w.s.Stopping == "" && !w.s.Status.Final() {
		plain("stop", protocol.Stop{Status: record.Cancelled}, func(b *budget) { b.stop-- })
	}
	if w.s.Status == record.Paused {
		plain("resume", protocol.Resume{}, func(*budget) {})
	} else if w.left.pause > 0 && w.s.GoesOn() {
		plain("pause", protocol.Pause{}, func(b *budget) { b.pause-- })
	}
	return out
}
