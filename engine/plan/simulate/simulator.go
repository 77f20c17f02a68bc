package simulate

import "math"

// Simulator simulates one model again and again. Not safe for concurrent use.
type Simulator struct {
	model *Model
	waits []int32 // how many nodes each one waits for
	roots []uint32

	// State of the current simulation.
	conditions Conditions
	now        int64
	left       []int32  // nodes that each node still waits for
	seen       []int64  // when the latest of those that are over could be seen
	tried      []uint32 // next attempt of each node
	home       []int32  // lane that made each node ready
	events     heap
	lanes      lanes
	ready      ready
	readied    []uint32  // by the current end, in order
	passing    []passage // nodes without attempts that are over
	outcome    Outcome
}

// passage is a node that is over, for those that wait for it.
type passage struct {
	node   uint32 // whose children are counted down
	cause  uint32 // with attempts, whose end led here
	seen   int64  // when nodes elsewhere can see it
	others int64  // when the latest of the others that the node waited for could be seen
}

// New prepares simulations of a model. Its rows must not change while the simulator is in use; the times of its attempts
// may change between two simulations.
func New(m *Model) (*Simulator, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	n := m.Nodes()
	s := &Simulator{
		model: m, waits: make([]int32, n), left: make([]int32, n), seen: make([]int64, n), tried: make([]uint32, n), home: make([]int32, n),
		outcome: Outcome{Spans: make([]Span, len(m.Attempts)), After: make([]uint32, n)},
	}
	for _, c := range m.Children.Nodes {
		s.waits[c]++
	}
	for i, w := range s.waits {
		if w == 0 {
			s.roots = append(s.roots, uint32(i))
		}
	}
	return s, nil
}

// Run simulates under conditions. The error says what is wrong with these.
func (s *Simulator) Run(c Conditions) (*Outcome, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Transfer == 0 {
		c.Transfer = 1
	}
	s.reset(c)
	s.begin()
	for s.events.len() > 0 {
		e := s.events.pop()
		s.now = e.at
		switch e.kind {
		case nodeReady:
			s.enqueue(e.index)
		case laneAppears:
			s.lanes.free(int32(e.index))
		case attemptEnds:
			s.end(e.index)
		}
		s.dispatch()
	}
	s.outcome.WorkerOf = s.lanes.workerOf
	s.measure()
	return &s.outcome, nil
}

func (s *Simulator) reset(c Conditions) {
	s.conditions, s.now = c, 0
	copy(s.left, s.waits)
	clear(s.seen)
	for n := range s.tried {
		first, end := s.model.First[n], s.model.First[n+1]
		if c.NoRetries && first < end {
			first = end - 1
		}
		s.tried[n] = first
	}
	for i := range s.outcome.Spans {
		s.outcome.Spans[i] = Span{Lane: NoLane}
	}
	s.events.reset()
	s.lanes.reset(c.Workers)
	s.ready.reset(&s.conditions)
}

// begin makes the roots ready. They are divided among the queues as the store of a single process does it.
func (s *Simulator) begin() {
	for lane, from := range s.lanes.from {
		if from <= 0 {
			s.lanes.free(int32(lane))
		} else {
			s.events.push(event{from, laneAppears, uint32(lane)})
		}
	}
	lanes := len(s.lanes.from)
	for i := len(s.roots) - 1; i >= 0; i-- { // the newest of a queue is claimed first
		n := s.roots[i]
		s.home[n] = int32(i * lanes / len(s.roots))
		s.outcome.After[n] = NoNode
		s.passing = append(s.passing[:0], passage{node: n, cause: NoNode})
		if s.hasAttempts(n) {
			s.release(n, s.delay(n))
			continue
		}
		s.pass(s.home[n], false)
		s.share(s.home[n])
	}
	s.dispatch()
}

func (s *Simulator) hasAttempts(n uint32) bool { return s.tried[n] < s.model.First[n+1] }

// delay is how long a node cannot be claimed, though what it waits for is over. Without retries, that is as long as for its
// first attempt, because a later one was also delayed by the retry.
func (s *Simulator) delay(n uint32) int64 {
	if s.conditions.Unheld {
		return 0
	}
	return s.model.Attempts[s.model.First[n]].Delay
}

// release makes a node ready at a moment, which may be later.
func (s *Simulator) release(n uint32, at int64) {
	s.outcome.Spans[s.tried[n]].Ready = max(at, 0)
	if at <= s.now {
		s.enqueue(n)
		return
	}
	s.events.push(event{at, nodeReady, n})
}

func (s *Simulator) enqueue(n uint32) {
	s.ready.push(s.lanes.queueOf[s.home[n]], n, s.model.Attempts[s.tried[n]].Order)
}

// dispatch lets idle lanes claim what is ready.
func (s *Simulator) dispatch() {
	for s.ready.count > 0 {
		lane, ok := s.lanes.lowestIdle(s.lanes.owner[s.ready.latest])
		if !ok && s.conditions.Unlimited && s.lanes.len() < MaxLanes {
			lane, ok = s.lanes.grow(), true
		}
		if !ok {
			return
		}
		s.lanes.take(lane)
		s.start(lane, s.ready.claim(s.lanes.queueOf[lane]))
	}
}

// start begins the next attempt of a node on a lane.
func (s *Simulator) start(lane int32, n uint32) {
	a := &s.model.Attempts[s.tried[n]]
	span := &s.outcome.Spans[s.tried[n]]
	span.Lane = lane
	span.Claimed = s.now + a.Gap
	span.Started = span.Claimed + a.Wait + scaled(a.Fetch, s.conditions.Transfer)
	span.Ended = span.Started + s.executing(n, a)
	hold, settle := s.after(a)
	span.Over = span.Ended + settle
	s.events.push(event{span.Ended + hold, attemptEnds, n})
}

func (s *Simulator) executing(n uint32, a *Attempt) int64 {
	if s.conditions.Execute == nil {
		return a.Execute
	}
	return scaled(a.Execute, s.conditions.Execute[s.model.Class[n]])
}

// after is how long a lane is occupied after the end of a body, and how long it takes until others see the end.
func (s *Simulator) after(a *Attempt) (hold, settle int64) {
	if !a.Stored {
		return a.Hold, a.Settle
	}
	return scaled(a.Hold, s.conditions.Transfer), scaled(a.Settle, s.conditions.Transfer)
}

func scaled(ns int64, by float64) int64 {
	if by == 1 {
		return ns
	}
	return int64(math.Round(float64(ns) * by))
}

// end ends the current attempt of a node. Its lane continues with a node that this made ready, or else is idle.
func (s *Simulator) end(n uint32) {
	span := &s.outcome.Spans[s.tried[n]]
	lane := span.Lane
	s.tried[n]++
	if s.hasAttempts(n) {
		s.home[n] = lane
		s.release(n, span.Over+s.model.Attempts[s.tried[n]].Delay)
		s.lanes.free(lane)
		return
	}
	s.passing = append(s.passing[:0], passage{node: n, cause: n, seen: span.Over})
	became := s.pass(lane, !s.conditions.NoBecome)
	s.share(lane)
	if became == NoNode {
		s.lanes.free(lane)
		return
	}
	s.start(lane, became)
}

// pass counts down the nodes that wait for those in passing, and then those that wait for nodes without attempts that
// are over because of it. With next, it returns the first node that the lane can continue with at once. The others that
// can be claimed now are in readied.
func (s *Simulator) pass(lane int32, next bool) (became uint32) {
	became, s.readied = NoNode, s.readied[:0]
	for len(s.passing) > 0 {
		p := s.passing[len(s.passing)-1]
		s.passing = s.passing[:len(s.passing)-1]
		for _, c := range s.model.Children.Of(p.node) {
			others := max(s.seen[c], p.others)
			if seen := max(p.others, p.seen); seen >= s.seen[c] {
				s.seen[c], s.outcome.After[c] = seen, p.cause
			}
			if s.left[c]--; s.left[c] > 0 {
				continue
			}
			if !s.hasAttempts(c) {
				s.passing = append(s.passing, passage{node: c, cause: s.outcome.After[c], seen: s.seen[c], others: others})
				continue
			}
			s.home[c] = lane
			if delay := s.delay(c); next && became == NoNode && delay == 0 && others <= s.now {
				became = c
				s.outcome.Spans[s.tried[c]].Ready = s.now
			} else if at := s.seen[c] + delay; at <= s.now {
				s.outcome.Spans[s.tried[c]].Ready = at
				s.readied = append(s.readied, c)
			} else {
				s.release(c, at)
			}
		}
	}
	return became
}

// share queues what an end has made ready, so that it is claimed in the order of the graph.
func (s *Simulator) share(lane int32) {
	for i := len(s.readied) - 1; i >= 0; i-- {
		s.home[s.readied[i]] = lane
		s.enqueue(s.readied[i])
	}
	s.readied = s.readied[:0]
}

// measure computes the makespan.
func (s *Simulator) measure() {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	s.outcome.Last = NoNode
	for n := range s.model.Nodes() {
		for i := s.model.First[n]; i < s.model.First[n+1]; i++ {
			span := &s.outcome.Spans[i]
			if span.Lane == NoLane {
				continue
			}
			first = min(first, span.Claimed)
			if span.Over >= last {
				last, s.outcome.Last = span.Over, uint32(n)
			}
		}
	}
	s.outcome.Makespan = max(0, last-first)
	if s.outcome.Last == NoNode {
		s.outcome.Makespan = 0
	}
}
