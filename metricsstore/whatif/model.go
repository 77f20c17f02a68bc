package whatif

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// longestGap is how long the engine may take to claim a task when it is ready and a lane is idle, as on the page
// (static/src/model/claims.ts). A longer gap is a task that was held up. Other tools take no time of which is known.
const longestGap = int64(10e6)

// model is a recording as it is simulated.
type model struct {
	simulate.Model
	workers  []simulate.Worker // as recorded
	numbers  []uint16          // of the workers, ascending
	heldUp   int               // first attempts that could not be claimed, though what they waited for was over
	overlaps int               // attempts that began on a lane before the one before had ended
}

// newModel makes the model of a recording, whose time begins with the first claim.
func newModel(r *recording) *model {
	b := modelling{recording: r, m: &model{}, own: r.run.Info.Imported() == nil}
	b.from, _ = r.span()
	b.m.Children = simulate.ChildrenOf(r.numbering)
	b.rows()
	b.fillLanes()
	b.holdUp()
	return b.m
}

// modelling is a model while it is made.
type modelling struct {
	*recording
	m    *model
	own  bool  // the engine has executed the run
	from int64 // the first claim
	idle idleTimes
}

// rows makes an attempt of the model for each that was recorded, with the phases that it was recorded with.
func (b *modelling) rows() {
	nodes := b.numbering.Nodes()
	m := b.m
	m.First, m.Class, m.Attempts = make([]uint32, nodes+1), make([]uint16, nodes), make([]simulate.Attempt, len(b.attempts))
	byClaim := make([]uint32, len(b.attempts))
	for i := range b.attempts {
		a := &b.attempts[i]
		m.First[a.node+1]++
		byClaim[i] = uint32(i)
		m.Attempts[i] = simulate.Attempt{
			Wait: a.started - a.claimed - a.fetch, Fetch: a.fetch, Execute: a.ended - a.started, Settle: a.over - a.ended, Stored: a.stored,
		}
	}
	for n := range nodes {
		m.First[n+1] += m.First[n]
	}
	slices.SortStableFunc(byClaim, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(b.attempts[x].claimed, b.attempts[y].claimed), cmp.Compare(b.attempts[x].ready, b.attempts[y].ready))
	})
	for order, i := range byClaim {
		m.Attempts[i].Order = uint32(order)
	}
	for n := range nodes {
		if p := b.numbering.Locate(nodeID(n)); b.numbering.IsTask(nodeID(n)) {
			m.Class[n] = b.numbering.Graph().Scope(p.Block.Scope).Function(p.Local)
		} else {
			m.Class[n] = uint16(len(b.numbering.Graph().Functions())) // expansions
		}
	}
}

// fillLanes finds out what the lanes did between attempts: claimed the next one, or were idle.
func (b *modelling) fillLanes() {
	byLane := make([]uint32, len(b.attempts))
	for i := range byLane {
		byLane[i] = uint32(i)
	}
	slices.SortStableFunc(byLane, func(x, y uint32) int {
		p, q := &b.attempts[x], &b.attempts[y]
		return cmp.Or(cmp.Compare(p.worker, q.worker), cmp.Compare(p.slot, q.slot), cmp.Compare(b.m.Attempts[x].Order, b.m.Attempts[y].Order))
	})
	for len(byLane) > 0 {
		lane := b.laneAt(byLane)
		byLane = byLane[len(lane):]
		b.addLane(lane)
	}
}

// laneAt is the attempts of the first lane in a list.
func (b *modelling) laneAt(list []uint32) []uint32 {
	first := &b.attempts[list[0]]
	for n, i := range list {
		if a := &b.attempts[i]; a.worker != first.worker || a.slot != first.slot {
			return list[:n]
		}
	}
	return list
}

func (b *modelling) addLane(lane []uint32) {
	first := &b.attempts[lane[0]]
	m := b.m
	if n := len(m.numbers); n == 0 || m.numbers[n-1] != first.worker {
		m.numbers = append(m.numbers, first.worker)
		m.workers = append(m.workers, simulate.Worker{Queues: b.queuesOf(first.worker)})
	}
	appears := int64(0)
	if b.own && first.claimed-max(first.ready, b.from) > longestGap {
		appears = first.claimed - b.from // its task waited for the lane, so it is not one that was idle before
	}
	w := &m.workers[len(m.workers)-1]
	w.Lanes = append(w.Lanes, appears)
	free := b.from + appears
	var over []uint32 // attempts that began before the lane was free, for which there must have been another one
	for k, i := range lane {
		a := &b.attempts[i]
		if a.claimed < free {
			over = append(over, i)
			continue
		}
		b.follow(i, free)
		free = a.over
		if k+1 < len(lane) {
			free = max(a.ended, min(a.over, b.attempts[lane[k+1]].claimed))
		}
		m.Attempts[i].Hold = free - a.ended
	}
	b.idle.add(free, maxTime)
	if m.overlaps += len(over); len(over) > 0 {
		b.addLane(over)
	}
}

// follow says what a lane that was free from a moment on did until an attempt was claimed.
func (b *modelling) follow(i uint32, free int64) {
	a := &b.attempts[i]
	if gap := a.claimed - max(free, a.ready); b.own && gap <= longestGap && gap >= 0 {
		b.m.Attempts[i].Gap = gap
	}
	b.idle.add(free, a.claimed-b.m.Attempts[i].Gap)
}

// queuesOf is how many queues of ready tasks a worker had: one for each of its processors.
func (b *modelling) queuesOf(worker uint16) int {
	width := 1
	for i := range b.workers {
		if b.workers[i].Worker == int(worker) {
			width = max(width, b.workers[i].Width)
		}
	}
	return width
}

// holdUp finds out which attempts could not be claimed, though what they waited for was over. A task is not claimed
// while lanes are idle only if something other than lanes is missing.
func (b *modelling) holdUp() {
	b.idle.sort()
	m := b.m
	seen := make([]int64, b.numbering.Nodes())
	for i := range seen {
		seen[i] = b.from
	}
	for _, n := range inOrder(&m.Children) {
		over := seen[n]
		for i := m.First[n]; i < m.First[n+1]; i++ {
			a, model := &b.attempts[i], &m.Attempts[i]
			claim := a.claimed - model.Gap
			ready := over
			if b.own || b.queued() {
				ready = max(ready, a.ready)
			}
			ready = min(max(ready, b.idle.lastBefore(claim)), max(claim, over))
			model.Delay = max(0, ready-over)
			if model.Delay > 0 && i == m.First[n] {
				m.heldUp++
			}
			over = a.over
		}
		for _, c := range m.Children.Of(n) {
			seen[c] = max(seen[c], over)
		}
	}
}

// queued reports whether it was recorded when tasks could have started.
func (r *recording) queued() bool {
	o := r.run.Info.Imported()
	return o != nil && o.Queued
}
