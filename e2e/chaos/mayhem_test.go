//go:build unix

package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// action is one way in which something goes wrong.
type action struct {
	name string
	left func() int // how many there are to be still, on the way to the goal
	do   func(ctx context.Context)
}

// wreak runs workflows and has things go wrong until the plan is fulfilled, or its time is over. Then it waits for the
// runs under way.
func (w *world) wreak(ctx context.Context) {
	done := make(chan *trial, w.plan.concurrent)
	healing := map[any]repair{}
	actions := w.repertoire(healing)
	next, begun := time.Now(), 0
	for {
		isUnderWay := !w.isFulfilled(actions, begun) && (w.plan.until.IsZero() || time.Now().Before(w.plan.until))
		for isUnderWay && len(w.active) < w.plan.concurrent {
			w.begin(ctx, w.plan.seed<<20+uint64(begun), done)
			begun++
		}
		if len(w.underWay()) == 0 {
			break
		}
		select {
		case tr := <-done:
			w.over(ctx, tr)
			w.discard(ctx, tr)
			continue
		case <-time.After(min(time.Until(next), 50*time.Millisecond)):
		}
		w.heal(healing, false)
		if isUnderWay && !time.Now().Before(next) {
			w.act(ctx, actions)
			next = time.Now().Add(time.Duration(w.rng.Int64N(2 * int64(w.plan.interval))))
		}
	}
	w.heal(healing, true)
	w.tally.cuts += w.lostReplies()
}

func (w *world) isFulfilled(actions []action, begun int) bool {
	return begun >= w.plan.runs && !slices.ContainsFunc(actions, func(a action) bool { return a.left() > 0 })
}

// repertoire is what may happen.
func (w *world) repertoire(healing map[any]repair) []action {
	return []action{
		{"kill", func() int { return w.plan.kills - w.tally.kills }, w.killOne},
		{"pause", func() int { return w.plan.pauses - w.tally.pauses }, func(context.Context) { w.pause(healing) }},
		{"partition", func() int { return w.plan.partitions - w.tally.partitions }, func(context.Context) { w.part(healing) }},
		{"restart", func() int { return w.plan.restarts - w.tally.restarts }, w.restart},
		{"cut", func() int { return (w.plan.cuts - w.tally.cuts - w.lostReplies() + cutsAtOnce - 1) / cutsAtOnce }, w.cut},
	}
}

// cutsAtOnce is about how many replies are lost in a row.
const cutsAtOnce = 4

// act draws an action, the more likely the more of it are left.
func (w *world) act(ctx context.Context, actions []action) {
	sum := 0
	for _, a := range actions {
		sum += max(0, a.left())
	}
	if sum == 0 {
		return
	}
	k := w.rng.IntN(sum)
	for _, a := range actions {
		if k -= max(0, a.left()); k >= 0 {
			continue
		}
		a.do(ctx)
		return
	}
}

// killOne kills a worker. Where that is measured, it is stopped first, for as long as it takes to see what it has.
func (w *world) killOne(ctx context.Context) {
	m := w.fleet.pick(w.rng, func(m *member) bool { return !m.asleep })
	if m == nil {
		return
	}
	losses := map[record.RunID][]loss{}
	if w.plan.measured {
		w.fleet.sleep(m)
		for _, run := range w.underWay() {
			found, err := claimed(ctx, w.backend, run, m.name)
			if err == nil && len(found) > 0 {
				losses[run] = found
			}
		}
	}
	at := time.Now()
	w.fleet.kill(m)
	w.tally.kills++
	if m.supervised {
		w.tally.supervised++
	}
	for run, some := range losses {
		for i := range some {
			some[i].at, some[i].supervised = at, m.supervised
		}
		w.recoveries.note(run, some)
	}
	w.say("kill %s%s", m.name, describeLosses(losses))
}

func describeLosses(losses map[record.RunID][]loss) string {
	s := ""
	for _, run := range slices.Sorted(maps.Keys(losses)) {
		for _, l := range losses[run] {
			s += fmt.Sprintf(", of %s session %d with %v", run, l.session, l.nodes)
		}
	}
	return s
}

// repair is an action that repairs a fault, and when it is due.
type repair struct {
	at time.Time
	do func()
}

// beyond is a time longer than a lease.
func (w *world) beyond() time.Duration {
	lease := w.plan.leaseTime()
	return lease + lease/5 + time.Duration(w.rng.Int64N(int64(lease)/2))
}

// pause stops a worker for longer than its lease.
func (w *world) pause(healing map[any]repair) {
	m := w.fleet.pick(w.rng, func(m *member) bool { return !m.asleep })
	if m == nil || len(healing) >= (w.plan.plain+w.plan.supervised)/2 {
		return
	}
	length := w.beyond()
	w.fleet.sleep(m)
	healing[m] = repair{time.Now().Add(length), func() { w.fleet.wake(m) }}
	w.tally.pauses++
	w.say("pause %s for %s", m.name, length)
}

// part stops traffic between some workers and Redis for longer than a lease, while their connections stay open.
func (w *world) part(healing map[any]repair) {
	k := w.rng.IntN(len(w.proxies))
	p := w.proxies[k]
	if _, ok := healing[p]; ok {
		return
	}
	length := w.beyond()
	p.Swallow(true)
	healing[p] = repair{time.Now().Add(length), func() { p.Swallow(false) }}
	w.tally.partitions++
	w.say("partition %d for %s", k, length)
}

// heal repairs the faults that are due, or all.
func (w *world) heal(healing map[any]repair, all bool) {
	for key, h := range healing {
		if all || !time.Now().Before(h.at) {
			h.do()
			delete(healing, key)
		}
	}
}

// restart kills Redis and starts it again on what it has written.
func (w *world) restart(context.Context) {
	down := time.Duration(w.rng.Int64N(int64(300 * time.Millisecond)))
	w.server.Kill()
	time.Sleep(down)
	w.server.Restart()
	w.tally.restarts++
	w.say("restart Redis after %s", down)
}

// cut has some of the next replies to calls on runs get lost, after they took effect.
func (w *world) cut(context.Context) {
	w.tally.cuts += w.lostReplies()
	n := 1 + w.rng.IntN(2*cutsAtOnce-1)
	for i, p := range w.proxies {
		p.LoseReplies((n+i)/len(w.proxies), runCall())
	}
	w.say("cut %d replies", n)
}

// lostReplies counts those since the last cut.
func (w *world) lostReplies() (n int) {
	for _, p := range w.proxies {
		n += p.Lost()
	}
	return n
}

// runCall is how a script on a run's keys looks on the wire: it alone names what all of these begin with.
func runCall() string {
	key := fmt.Sprintf("dagscope:{%s}:", record.NewRunID(time.Now()))
	return fmt.Sprintf("\r\n$%d\r\ndagscope:{", len(key))
}
