//go:build unix

package chaos_test

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// breach is one thing that must not have happened.
type breach struct {
	law  law
	what string
}

// law is what the goals count breaches of.
type law string

const (
	hung     law = "hung"
	lost     law = "lost"
	wrong    law = "wrong"
	twice    law = "accepted twice"
	early    law = "started early"
	gap      law = "gap in the sequence"
	unlawful law = "log breaks another law"
	unfolded law = "log and state differ"
	leaked   law = "leaked keys"
	ghost    law = "workers that ended by themselves"
)

// final is how a node ended last.
type final struct {
	status ledger.NodeStatus
	epoch  int
}

// story replays the whole log of a run that has ended.
type story struct {
	status    record.Status // of the run, by its last step
	numbering *dag.Numbering
	graph     *dag.Graph
	waits     map[dag.NodeID]int
	readied   map[dag.NodeID]bool  // named by some step's Readied
	finals    map[dag.NodeID]final // nodes that are over
	ended     map[dag.NodeID]int64 // when it first was
	since     map[dag.NodeID]int64 // when the last node it waits for ended first
	over      map[[3]int]bool      // attempts that have ended: node, epoch, number
	lives     map[[2]int]bool      // lives that have ended well: node, epoch
	retries   int
	workers   int
	breaches  []breach
}

// read replays a log. The breaches it finds are in the story.
func read(g *dag.Graph, steps []record.Step) *story {
	s := &story{
		graph: g, numbering: dag.NewNumbering(g), waits: map[dag.NodeID]int{}, readied: map[dag.NodeID]bool{},
		finals: map[dag.NodeID]final{}, ended: map[dag.NodeID]int64{}, since: map[dag.NodeID]int64{},
		over: map[[3]int]bool{}, lives: map[[2]int]bool{},
	}
	s.enter(s.numbering.Block(0))
	if len(steps) == 0 || steps[0].Kind != record.RunStarted || steps[len(steps)-1].Kind != record.RunFinished {
		s.breach(gap, "the log of %d steps does not begin with the run's start and end with its end", len(steps))
		return s
	}
	s.status = steps[len(steps)-1].Outcome.RunStatus()
	for i := range steps {
		step := &steps[i]
		if step.Seq != uint64(i+1) {
			s.breach(gap, "step %d has number %d", i+1, step.Seq)
		}
		s.step(step)
		for _, id := range step.Readied {
			s.ready(step, id)
		}
	}
	for id := range s.numbering.Nodes() {
		if _, ok := s.finals[dag.NodeID(id)]; !ok && s.status == record.Succeeded {
			s.breach(unfolded, "node %d never ended in the log of a run that succeeded", id)
		}
	}
	return s
}

func (s *story) breach(l law, format string, args ...any) {
	s.breaches = append(s.breaches, breach{l, fmt.Sprintf(format, args...)})
}

// enter counts what the nodes of a new block wait for.
func (s *story) enter(b *dag.Block) {
	scope := s.graph.Scope(b.Scope)
	for i := range b.Instances {
		for n := range scope.Len() {
			p := dag.Place{Block: b, Instance: i, Local: n}
			s.waits[p.ID()] = len(scope.Parents(n))
			if b.Expansion != dag.NoNode {
				s.since[p.ID()] = s.ended[b.Expansion]
			}
		}
	}
}

func (s *story) step(step *record.Step) {
	switch step.Kind {
	case record.WorkerStarted, record.WorkerStopped:
		s.workers = max(s.workers, int(step.Worker)+1)
	case record.AttemptStarted:
		s.begins(step)
	case record.AttemptEnded, record.FanOutExpanded:
		s.workers = max(s.workers, int(step.Worker)+1)
		if s.begins(step) {
			s.ends(step)
		}
	case record.TaskSkipped:
		if s.begins(step) {
			s.closes(step, ledger.Skipped)
		}
	case record.RunDeadline:
		s.breach(wrong, "step %d reports a deadline, which is far away", step.Seq)
	}
}

// ready: a node is reported as ready once, and when it is.
func (s *story) ready(step *record.Step, id dag.NodeID) {
	switch {
	case !s.numbering.Contains(id):
		s.breach(early, "step %d readies node %d, which there is not", step.Seq, id)
	case s.readied[id]:
		s.breach(twice, "step %d readies node %d, which was readied before", step.Seq, id)
	case s.waits[id] > 0:
		s.breach(early, "step %d readies node %d, which waits for %d more", step.Seq, id, s.waits[id])
	}
	s.readied[id] = true
}

// begins: an attempt began after all it waits for, by the log and by the clock. It reports whether there is such a node.
func (s *story) begins(step *record.Step) bool {
	if !s.numbering.Contains(step.Node) {
		s.breach(early, "step %d is of node %d, which there is not", step.Seq, step.Node)
		return false
	}
	switch n := s.waits[step.Node]; {
	case n > 0:
		s.breach(early, "step %d is of node %d, which waits for %d more", step.Seq, step.Node, n)
	case !s.readied[step.Node]:
		s.breach(early, "step %d is of node %d, which no step has readied", step.Seq, step.Node)
	case step.Outcome != record.OutcomeLost && step.Kind != record.TaskSkipped && step.Started < s.since[step.Node]:
		s.breach(early, "node %d starts at %d by step %d, before the last of what it waits for has ended at %d",
			step.Node, step.Started, step.Seq, s.since[step.Node])
	}
	return true
}

func (s *story) ends(step *record.Step) {
	attempt := [3]int{int(step.Node), int(step.Epoch), int(step.Attempt)}
	life := [2]int{attempt[0], attempt[1]}
	if s.over[attempt] || s.lives[life] {
		s.breach(twice, "step %d ends attempt %d of node %d in epoch %d, which is over", step.Seq, step.Attempt, step.Node, step.Epoch)
	}
	s.over[attempt] = true
	switch step.Outcome {
	case record.OutcomeRetrying:
		s.retries++
	case record.OutcomeLost:
	default:
		s.lives[life] = true
		s.closes(step, map[record.Outcome]ledger.NodeStatus{
			record.OutcomeOK: ledger.OK, record.OutcomeFailed: ledger.Failed, record.OutcomeSkipped: ledger.Skipped, record.OutcomeCancelled: ledger.Cancelled,
		}[step.Outcome])
	}
}

// closes notes how a node has ended, and counts down those that wait for it, the first time.
func (s *story) closes(step *record.Step, status ledger.NodeStatus) {
	id := step.Node
	before, again := s.finals[id]
	switch {
	case again && before.epoch >= int(step.Epoch):
		s.breach(twice, "step %d ends node %d in epoch %d, after epoch %d", step.Seq, id, step.Epoch, before.epoch)
	case status != ledger.OK && s.status == record.Succeeded:
		s.breach(wrong, "step %d ends node %d with outcome %d, in a run that succeeded", step.Seq, id, step.Outcome)
	}
	s.finals[id] = final{status, int(step.Epoch)}
	if again || status == ledger.Cancelled {
		return
	}
	s.ended[id] = step.Ended
	p := s.numbering.Locate(id)
	scope := s.graph.Scope(p.Block.Scope)
	if step.Kind == record.FanOutExpanded && status == ledger.OK {
		s.expand(step, p)
	}
	for _, c := range scope.Children(p.Local) {
		s.arrive(p.Node(c), step.Ended)
	}
	if len(scope.Outs(p.Local)) > 0 {
		up := s.numbering.Up(p)
		for _, j := range scope.Outs(p.Local) {
			s.arrive(up.Node(j), step.Ended)
		}
	}
}

func (s *story) expand(step *record.Step, p dag.Place) {
	b, err := s.numbering.Expand(step.Node, int(step.Width), dag.Limits{Tasks: 1 << 24, Edges: 1 << 26})
	if err != nil {
		s.breach(wrong, "step %d expands node %d: %v", step.Seq, step.Node, err)
		return
	}
	scope := s.graph.Scope(p.Block.Scope)
	for _, j := range scope.RegionJoins(p.Local) {
		s.waits[p.Node(j)] += int(step.Width) * len(scope.JoinWaits(j))
	}
	s.enter(b)
}

func (s *story) arrive(id dag.NodeID, ended int64) {
	s.waits[id]--
	s.since[id] = max(s.since[id], ended)
}

// compare compares what the log folds to with the state that was stored when the run had ended.
func (s *story) compare(state *ledger.State, last uint64) {
	if err := state.Check(); err != nil {
		s.breach(unfolded, "the stored state contradicts itself: %v", err)
	}
	blocks := s.numbering.Blocks()[1:]
	if len(blocks) != len(state.Blocks) || len(state.Nodes) != s.numbering.Nodes() {
		s.breach(unfolded, "the log has %d blocks and %d nodes, the state %d and %d",
			len(blocks), s.numbering.Nodes(), len(state.Blocks), len(state.Nodes))
		return
	}
	for i, b := range blocks {
		if k := state.Blocks[i]; k.Expansion != b.Expansion || k.Width != b.Instances || k.First != b.First {
			s.breach(unfolded, "block %d is %+v in the log, %+v in the state", i, *b, k)
		}
	}
	s.nodes(state)
	want := fmt.Sprintf("%s seq=%d tasks=%d retries=%d claims=0", s.status, last, s.numbering.Tasks(), s.retries)
	c := state.Counts
	got := fmt.Sprintf("%s seq=%d tasks=%d retries=%d claims=%d", state.Status, state.Seq, c.Tasks, c.Retries, c.Claims)
	if got != want || s.status == record.Succeeded && c.Open > 0 {
		s.breach(unfolded, "the log folds to %q, the state is %q with %d open", want, got, c.Open)
	}
	if s.workers > int(state.Workers) {
		s.breach(unfolded, "the log has %d sessions, the state of %d", s.workers, state.Workers)
	}
}

// nodes compares how each node ended last, and how many did so, with the state.
func (s *story) nodes(state *ledger.State) {
	var done, failed, skipped int
	for i := range state.Nodes {
		n, id := &state.Nodes[i], dag.NodeID(i)
		f, over := s.finals[id]
		switch {
		case over && n.Status == f.status && int(n.Epoch) == f.epoch:
		case !over && !n.Status.Terminal():
		case over && !n.Status.Terminal() && int(n.Epoch) > f.epoch: // it was to be made again, and no task needs it any more
		default:
			s.breach(unfolded, "node %d ended (%t) with status %d in epoch %d by the log, and is %d in epoch %d by the state",
				i, over, f.status, f.epoch, n.Status, n.Epoch)
		}
		isTask := s.numbering.IsTask(id)
		switch {
		case n.Status == ledger.OK && isTask:
			done++
		case n.Status == ledger.Failed:
			failed++
		case n.Status == ledger.Skipped && isTask:
			skipped++
		}
	}
	if c := state.Counts; done != c.Done || failed != c.Failed || skipped != c.Skipped {
		s.breach(unfolded, "%d nodes are done, %d failed, %d skipped, the state counts %d, %d, %d",
			done, failed, skipped, c.Done, c.Failed, c.Skipped)
	}
}
