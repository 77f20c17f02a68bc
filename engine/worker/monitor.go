package worker

import (
	"context"
	"runtime/metrics"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

const (
	// Bounds of the monitor's pause, which is short while lanes are being added and doubles while nothing changes.
	minPause = 50 * time.Microsecond
	maxPause = 2 * time.Millisecond
	// checkEvery is how often the monitor checks the attempts of all lanes.
	checkEvery = 5 * time.Millisecond
	// announceAfter is how long an attempt runs, in ns, before its start is logged.
	announceAfter = int64(25 * time.Millisecond)
)

// monitor adds lanes while tasks wait and processors are idle, and checks attempts that take long. It sleeps while
// there are no runs and no executing bodies (a run that was left may still have some).
func (p *Pool) monitor(ctx context.Context) {
	load := newLoadMeter()
	pause, checked := minPause, time.Now()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		if len(*p.jobs.Load()) == 0 && !p.lanes.busy() {
			select {
			case <-ctx.Done():
				return
			case <-p.added:
				pause = minPause
				continue
			}
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if p.lanes.adapt(p.waiting(), p.cfg.Width-load.busy()) {
			pause = minPause
		} else {
			pause = min(2*pause, maxPause)
		}
		if time.Since(checked) >= checkEvery {
			checked = time.Now()
			p.checkAttempts()
		}
	}
}

// ready returns approximately how many nodes can be claimed immediately.
func (p *Pool) ready() int {
	n := 0
	for _, j := range *p.jobs.Load() {
		if j.isOpen.Load() {
			n += j.run.Ready()
		}
	}
	return n
}

// waiting returns approximately how many nodes wait for a lane. Those in a shared store become claimable when a lane asks
// for them, so they only count when all lanes are busy.
func (p *Pool) waiting() int {
	n, elsewhere := 0, 0
	for _, j := range *p.jobs.Load() {
		if !j.isOpen.Load() {
			continue
		}
		n += j.run.Ready()
		if j.shared.backlog != nil {
			elsewhere += j.shared.backlog.Backlog()
		}
	}
	if elsewhere > 0 && !p.lanes.idles() {
		n += elsewhere
	}
	return n
}

// adapt lets more lanes work when tasks wait and processors are free, and fewer when more lanes compute than the pool has
// processors. Timers of an idle process fire a millisecond apart, so it grows in large steps: doubling was measured to be
// too slow for a tree of sleeping tasks.
func (g *laneGroup) adapt(waiting, free int) (grown bool) {
	width := g.pool.cfg.Width
	if free > 0 && waiting > 0 {
		lanes := len(*g.lanes.Load())
		n := min(waiting, max(64, 4*lanes))
		target := min(int(g.target.Load())+n, g.pool.cfg.MaxSlots)
		g.target.Store(int32(target))
		if woken := g.wake(n); woken < n {
			g.grow(min(n-woken, target-lanes))
		}
		return true
	}
	if target := int(g.target.Load()); free < 0 && target > width {
		g.target.Store(int32(max(width, target-max((target-width)/4, 1))))
	}
	return false
}

// loadMeter counts the goroutines that compute.
type loadMeter struct{ samples []metrics.Sample }

func newLoadMeter() *loadMeter {
	return &loadMeter{[]metrics.Sample{
		{Name: "/sched/goroutines/running:goroutines"},
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/not-in-go:goroutines"},
	}}
}

// busy returns the number of goroutines that run, could run, or are in C or the kernel, except for the caller's own.
func (m *loadMeter) busy() int {
	metrics.Read(m.samples)
	n := -1
	for i := range m.samples {
		if m.samples[i].Value.Kind() == metrics.KindUint64 {
			n += int(m.samples[i].Value.Uint64())
		}
	}
	return n
}

// checkAttempts announces, times out and abandons attempts.
func (p *Pool) checkAttempts() {
	for _, l := range *p.lanes.lanes.Load() {
		a := l.executing()
		if a == nil || a.fetches {
			continue
		}
		now := a.job.run.Now()
		if now-a.started > announceAfter && a.phase.CompareAndSwap(open, announcing) {
			a.job.lane(l.slot).Announce(a.end())
			a.phase.Store(announced)
		}
		if timeout := a.timeout(); timeout > 0 && now-a.started > int64(timeout) {
			a.cancel(engine.ErrTimeout, now)
		}
		if at, cause := a.cause(); cause != nil && now-at > int64(p.cfg.Grace) {
			p.giveUp(l, a, now)
		}
	}
}

func (a *attempt) end() *state.End {
	return &state.End{Node: a.node, Epoch: a.epoch, Attempt: a.number, Claimed: a.claimed, Started: a.started}
}

// giveUp ends an attempt whose body does not return, and lets another lane work in its place.
func (p *Pool) giveUp(l *lane, a *attempt, now int64) {
	if !a.phase.CompareAndSwap(announced, abandoned) {
		return
	}
	e := a.end()
	e.Ended, e.Announced, e.Log = now, true, a.log()
	l.failed(a, errIgnored, e)
	a.job.run.Note(record.Step{Kind: record.SlotLeaked, Slot: uint16(l.slot), Ended: now})
	p.lanes.abandon(l)
	a.job.lane(l.slot).Abandon(e)
}
