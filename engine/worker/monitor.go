package worker

import (
	"context"
	"runtime/metrics"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

const (
	// The monitor looks this often: soon while lanes are being added, ever later while nothing changes.
	soonest = 50 * time.Microsecond
	latest  = 2 * time.Millisecond
	// lookEvery is how often it looks at what each lane executes.
	lookEvery = 5 * time.Millisecond
	// announceAfter is how long an attempt runs before the log is told that it has started.
	announceAfter = int64(25 * time.Millisecond)
)

// monitor adds lanes while tasks wait and processors idle, and looks after attempts that run long. It sleeps while
// there are no runs, and none that was left has a body here that still runs.
func (p *Pool) monitor(ctx context.Context) {
	load := newLoadMeter()
	pause, looked := soonest, time.Now()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		if len(*p.jobs.Load()) == 0 && !p.crew.busy() {
			select {
			case <-ctx.Done():
				return
			case <-p.quiet:
				pause = soonest
				continue
			}
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if p.crew.adapt(p.waiting(), p.cfg.Width-load.busy()) {
			pause = soonest
		} else {
			pause = min(2*pause, latest)
		}
		if time.Since(looked) >= lookEvery {
			looked = time.Now()
			p.look()
		}
	}
}

// ready is about how many nodes can be claimed at once.
func (p *Pool) ready() int {
	n := 0
	for _, j := range *p.jobs.Load() {
		n += j.run.Ready()
	}
	return n
}

// waiting is about how many nodes wait for a lane. Those that lie elsewhere come when a lane has asked for them, so
// they are counted only when all lanes are at work.
func (p *Pool) waiting() int {
	n, elsewhere := 0, 0
	for _, j := range *p.jobs.Load() {
		n += j.run.Ready()
		if j.backlog != nil {
			elsewhere += j.backlog.Backlog()
		}
	}
	if elsewhere > 0 && !p.crew.idles() {
		n += elsewhere
	}
	return n
}

// adapt lets more lanes work when tasks wait and processors are free, and fewer when more lanes compute than there
// are processors. Timers of an idle process fire a millisecond apart, so growth goes in large steps: doubling was
// seen to be too slow for a tree of sleeping tasks.
func (c *crew) adapt(waiting, free int) (grown bool) {
	width := c.pool.cfg.Width
	if free > 0 && waiting > 0 {
		lanes := len(*c.lanes.Load())
		n := min(waiting, max(64, 4*lanes))
		target := min(int(c.target.Load())+n, c.pool.cfg.MaxSlots)
		c.target.Store(int32(target))
		if woken := c.wake(n); woken < n {
			c.grow(min(n-woken, target-lanes))
		}
		return true
	}
	if target := int(c.target.Load()); free < 0 && target > width {
		c.target.Store(int32(max(width, target-max((target-width)/4, 1))))
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

// busy is the number of goroutines that run, could run, or are in C or the kernel, without the caller's own.
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

// look announces, times out and gives up attempts.
func (p *Pool) look() {
	for _, l := range *p.crew.lanes.Load() {
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

// giveUp ends an attempt in place of a body that does not return, and lets another lane take its slot's share.
func (p *Pool) giveUp(l *lane, a *attempt, now int64) {
	if !a.phase.CompareAndSwap(announced, abandoned) {
		return
	}
	e := a.end()
	e.Ended, e.Announced, e.Log = now, true, a.log()
	l.failed(a, errIgnored, e)
	a.job.run.Note(engine.Step{Kind: engine.SlotLeaked, Slot: uint16(l.slot), Ended: now})
	p.crew.abandon(l)
	a.job.lane(l.slot).Abandon(e)
}
