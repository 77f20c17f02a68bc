package simulate

import "fmt"

// Model is a run as it is simulated: nodes that wait for each other, fan-outs expanded, and the attempts of each. Both
// relations are in compressed rows: those of node n are at First[n] up to, not including, First[n+1].
type Model struct {
	// Children are the nodes that wait for each node; one that is listed twice is waited for twice.
	Children Rows
	// Attempts of each node, in the order in which they were made. A node without any is over at the moment at which what
	// it waits for is over: the join of a fan-out, or a task that was skipped.
	Attempts []Attempt
	First    []uint32
	// Class of each node, an index into Conditions.Execute.
	Class []uint16
}

// Rows are lists of nodes, one for each node.
type Rows struct {
	First []uint32
	Nodes []uint32
}

// Of lists the nodes in the row of n.
func (r *Rows) Of(n uint32) []uint32 { return r.Nodes[r.First[n]:r.First[n+1]] }

// Attempt is one attempt of a task as it was recorded, in nanoseconds.
type Attempt struct {
	// Delay is how long the attempt could not be claimed, though what its task waits for was over, or of a later attempt,
	// though the one before was over.
	Delay int64
	// Gap is how long its lane was occupied with claiming it.
	Gap int64
	// Wait, Fetch and Execute follow the claim, see record.Phases.
	Wait, Fetch, Execute int64
	// Hold is how long the lane remained occupied after the body had returned, and Settle how long it took until nodes
	// that wait for the task could see its end. Hold is at most Settle.
	Hold, Settle int64
	// Stored: the time after the end of the body was for storing the output.
	Stored bool
	// Order of the attempt among all, by their claims; see Conditions.Recorded.
	Order uint32
}

// Nodes is the number of nodes.
func (m *Model) Nodes() int { return len(m.First) - 1 }

// check refuses a model whose parts do not fit together.
func (m *Model) check() error {
	n := m.Nodes()
	if n < 0 || len(m.Children.First) != n+1 || len(m.Class) != n {
		return fmt.Errorf("simulate: the model has %d attempt rows, %d child rows and %d classes, expected rows for n+1 and classes for n nodes",
			len(m.First), len(m.Children.First), len(m.Class))
	}
	if !fits(m.First, len(m.Attempts)) || !fits(m.Children.First, len(m.Children.Nodes)) {
		return fmt.Errorf("simulate: the rows of the model are out of order, expected ascending ones from 0 to %d attempts and %d children",
			len(m.Attempts), len(m.Children.Nodes))
	}
	for _, c := range m.Children.Nodes {
		if int(c) >= n {
			return fmt.Errorf("simulate: node %d is a child, expected less than %d", c, n)
		}
	}
	return nil
}

// fits reports whether rows cover a list of so many elements.
func fits(first []uint32, length int) bool {
	for i := 1; i < len(first); i++ {
		if first[i] < first[i-1] {
			return false
		}
	}
	return first[0] == 0 && int(first[len(first)-1]) == length
}

// Worker is a worker with its lanes.
type Worker struct {
	// Lanes has for each lane the moment from which it can claim.
	Lanes []int64
	// Queues of ready tasks that the lanes share, one for each processor; at least 1.
	Queues int
}

// Conditions under which a run is simulated. Workers is required; the zero value of the rest is what was recorded.
type Conditions struct {
	Workers []Worker
	// Unlimited adds a lane to the last worker whenever a task is ready and none is idle.
	Unlimited bool
	// Recorded: ready tasks are claimed in the order in which they were claimed, for runs of tools whose rules are not
	// known. Otherwise the rules of the engine apply: queues for each processor, in which the newest task is claimed
	// first, and from which lanes without work take the older half.
	Recorded bool
	// NoBecome: a lane does not continue with a task that its own task made ready.
	NoBecome bool
	// NoRetries: only the last attempt of each task is made.
	NoRetries bool
	// Unheld: no task is held up, each can be claimed as soon as what it waits for is over. Delays of retries stay.
	Unheld bool
	// Execute multiplies the time of bodies, by class; nil for 1.
	Execute []float64
	// Transfer multiplies the time for fetching inputs and storing outputs; 0 means 1.
	Transfer float64
}

// MaxLanes bounds the lanes of all workers.
const MaxLanes = 1 << 16

func (c *Conditions) check() error {
	lanes := 0
	for i := range c.Workers {
		lanes += len(c.Workers[i].Lanes)
		if c.Workers[i].Queues < 1 {
			return fmt.Errorf("simulate: worker %d has %d queues, expected at least 1", i, c.Workers[i].Queues)
		}
	}
	if lanes < 1 || lanes > MaxLanes {
		return fmt.Errorf("simulate: the workers have %d lanes, expected 1 to %d", lanes, MaxLanes)
	}
	return nil
}

// Span is one attempt as it was simulated.
type Span struct {
	// Lane counts the lanes of all workers, in their order; NoLane if the attempt was not made.
	Lane                                 int32
	Ready, Claimed, Started, Ended, Over int64
}

// NoLane is the lane of an attempt that was not made.
const NoLane = -1

// Outcome is what a simulation gives. Its slices belong to the Simulator and are valid until its next Run.
type Outcome struct {
	// Makespan is from the first claim to the last end.
	Makespan int64
	// Lanes is how many there were in the end; WorkerOf has the worker of each.
	WorkerOf []int32
	// Spans by attempt.
	Spans []Span
	// After is, for each node, the node whose end made it ready; NoNode for roots.
	After []uint32
	// Last is the node that ended last, NoNode if none has attempts.
	Last uint32
}

// NoNode means none.
const NoNode = ^uint32(0)
