package shared_test

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// checkLog replays the whole log of a run that succeeded, and reports what could not have happened.
func checkLog(g *dag.Graph, steps []record.Step) error {
	c := logChecker{
		graph: g, numbering: dag.NewNumbering(g), readied: map[dag.NodeID]bool{}, ok: map[dag.NodeID]int{},
		attempts: map[[2]int]int{},
	}
	if len(steps) < 2 || steps[0].Kind != record.RunStarted || steps[len(steps)-1].Kind != record.RunFinished {
		return fmt.Errorf("the log has %d steps, expected it to begin and to end", len(steps))
	}
	for i := range steps {
		if err := c.step(i, &steps[i]); err != nil {
			return fmt.Errorf("step %d (%+v): %w", i+1, steps[i], err)
		}
	}
	for id := range c.numbering.Nodes() {
		if _, ok := c.ok[dag.NodeID(id)]; !ok {
			return fmt.Errorf("node %d never ended", id)
		}
	}
	return nil
}

type logChecker struct {
	graph     *dag.Graph
	numbering *dag.Numbering
	readied   map[dag.NodeID]bool
	ok        map[dag.NodeID]int // the epoch in which a node was last OK
	attempts  map[[2]int]int     // the last attempt of a node in an epoch
}

func (c *logChecker) step(i int, s *record.Step) error {
	if s.Seq != uint64(i+1) {
		return fmt.Errorf("its number is %d", s.Seq)
	}
	switch s.Kind {
	case record.AttemptEnded, record.FanOutExpanded:
		if err := c.end(s); err != nil {
			return err
		}
	case record.AttemptStarted:
		if !c.readied[s.Node] {
			return fmt.Errorf("it starts before it is ready")
		}
	}
	for _, id := range s.Readied {
		if !c.numbering.Contains(id) || c.readied[id] {
			return fmt.Errorf("node %d is unknown or made ready twice", id)
		}
		c.readied[id] = true
	}
	return nil
}

func (c *logChecker) end(s *record.Step) error {
	switch {
	case !c.numbering.Contains(s.Node):
		return fmt.Errorf("there is no such node")
	case !c.readied[s.Node]:
		return fmt.Errorf("it ends before it is ready")
	case !(s.Ready <= s.Claimed && s.Claimed+s.Fetch <= s.Started && s.Started <= s.Ended && s.Ended <= s.Updated) && s.Outcome != record.OutcomeLost:
		return fmt.Errorf("its moments are out of order")
	}
	life := [2]int{int(s.Node), int(s.Epoch)}
	if c.attempts[life] >= int(s.Attempt) {
		return fmt.Errorf("attempt %d comes after attempt %d", s.Attempt, c.attempts[life])
	}
	c.attempts[life] = int(s.Attempt)
	if s.Outcome != record.OutcomeOK {
		return nil
	}
	if epoch, ok := c.ok[s.Node]; ok && epoch >= int(s.Epoch) {
		return fmt.Errorf("it was OK before in epoch %d", epoch)
	}
	c.ok[s.Node] = int(s.Epoch)
	p := c.numbering.Locate(s.Node)
	scope := c.graph.Scope(p.Block.Scope)
	for _, parent := range scope.Parents(p.Local) {
		if _, ok := c.ok[p.Node(parent)]; !ok {
			return fmt.Errorf("it ends before node %d, for which it waits", p.Node(parent))
		}
	}
	if s.Kind != record.FanOutExpanded {
		return nil
	}
	_, err := c.numbering.Expand(s.Node, int(s.Width), dag.Limits{Tasks: 1 << 24, Edges: 1 << 26})
	return err
}
