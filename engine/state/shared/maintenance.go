package shared

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// retain adds a run that has goroutines, and starts the store's maintenance with the first.
func (s *Store) retain(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[r] = struct{}{}
	s.startMaintenance()
	select {
	case s.runAdded <- struct{}{}:
	default:
	}
}

// release undoes retain; the maintenance stops with the last run.
func (s *Store) release(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, r)
	s.stopMaintenance()
}

// startMaintenance counts one more user of the maintenance goroutines and starts them for the first. The lock is held.
func (s *Store) startMaintenance() {
	if s.active++; s.active > 1 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, care := range []func(context.Context){s.listen, s.waitForWork, s.reapExpired, s.auditAll} {
		go care(ctx)
	}
}

// stopMaintenance undoes startMaintenance. The lock is held.
func (s *Store) stopMaintenance() {
	if s.active--; s.active == 0 {
		s.stop()
	}
}

// subscribe gives Join and Find the news of runs, and keeps the maintenance running until leave is called.
func (s *Store) subscribe() (news *newsQueue, leave func()) {
	news = newNewsQueue()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[news] = struct{}{}
	s.startMaintenance()
	return news, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, news)
		s.stopMaintenance()
	}
}

// newsQueue holds the runs of which there is news, each once, until they are taken: many come at once when many runs are
// submitted, and a lost one would not be found before the next search.
type newsQueue struct {
	some chan struct{} // has an element where there are any

	mu   sync.Mutex
	runs map[record.RunID]struct{}
}

func newNewsQueue() *newsQueue {
	return &newsQueue{some: make(chan struct{}, 1), runs: map[record.RunID]struct{}{}}
}

func (b *newsQueue) put(id record.RunID) {
	b.mu.Lock()
	b.runs[id] = struct{}{}
	b.mu.Unlock()
	select {
	case b.some <- struct{}{}:
	default:
	}
}

// take returns the runs in order and empties the queue.
func (b *newsQueue) take() []record.RunID {
	b.mu.Lock()
	defer b.mu.Unlock()
	runs := slices.Sorted(maps.Keys(b.runs))
	clear(b.runs)
	return runs
}

// runsAlive lists the runs that have goroutines, in the order in which they became known.
func (s *Store) runsAlive() []*run {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*run, 0, len(s.live))
	for r := range s.live {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *run) int { return a.number - b.number })
	return list
}

// listen publishes the news of the back end.
func (s *Store) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.backend.News(ctx, s.publish); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("the news of runs cannot be read", "error", err)
		}
		sleep(ctx, time.Second)
	}
}

// publish informs the runs and subscribers that a run was stopped, paused, resumed or created, or has ended.
func (s *Store) publish(id record.RunID) {
	for _, r := range s.runsAlive() {
		if r.id == id {
			r.statusChanged()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for news := range s.subscribers {
		news.put(id)
	}
}

// statusChanged makes the committer read the status of the run.
func (r *run) statusChanged() {
	r.lock()
	defer r.unlockAndNotify()
	r.statusDue = r.self != nil
	r.dry = false
}

// waitForWork waits for hints while lanes find nothing, and has their runs ask again at each hint and every sleepFor.
func (s *Store) waitForWork(ctx context.Context) {
	for ctx.Err() == nil {
		starved, functions := s.starvedRuns()
		if len(starved) == 0 {
			select {
			case <-ctx.Done():
			case <-s.workWanted:
			}
			continue
		}
		id, err := s.backend.Sleep(ctx, functions, sleepFor)
		if err != nil {
			sleep(ctx, sleepFor)
		}
		for _, r := range starved {
			if id == "" || r.id == id {
				r.hintReceived()
			}
		}
	}
}

// requestWork makes waitForWork wait for hints, for a run that wants nodes and did not get them.
func (s *Store) requestWork() {
	select {
	case s.workWanted <- struct{}{}:
	default:
	}
}

// starvedRuns lists the runs that want nodes and did not get them, and the functions of theirs that this process has.
func (s *Store) starvedRuns() (runs []*run, functions []string) {
	functions = []string{""}
	for _, r := range s.runsAlive() {
		if !r.wantsWork() {
			continue
		}
		runs = append(runs, r)
		for _, c := range r.layout.Own {
			if name := r.layout.ClassName(c); !slices.Contains(functions, name) {
				functions = append(functions, name)
			}
		}
	}
	return runs, functions
}

func (r *run) wantsWork() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dry && r.want() > 0
}

// hintReceived makes the committer ask for claims again.
func (r *run) hintReceived() {
	r.lock()
	defer r.unlockAndNotify()
	r.dry, r.hinted = false, true
}

// around is a duration ± 20 %, so that processes do not act together.
func around(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// reapExpired ends expired sessions in every run that this process knows, and stops runs at their deadline.
func (s *Store) reapExpired(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now().Add(around(s.cfg.Lease * 4 / 15))
	for {
		timer.Reset(s.nextVisit(next))
		select {
		case <-ctx.Done():
			return
		case <-s.runAdded: // its deadline may come first
			continue
		case <-timer.C:
		}
		var visits sync.WaitGroup
		for _, r := range s.eachRun() {
			visits.Go(func() { r.maintain(ctx) })
		}
		visits.Wait()
		next = time.Now().Add(around(s.cfg.Lease * 4 / 15))
	}
}

// nextVisit is how long to wait for the next round: until at, or until the first deadline.
func (s *Store) nextVisit(at time.Time) time.Duration {
	pause := time.Until(at)
	for _, r := range s.runsAlive() {
		if left := r.deadline(); left > 0 {
			pause = min(pause, left)
		}
	}
	return pause
}

// eachRun returns each known run once; where this process both takes part and watches, the entered one.
func (s *Store) eachRun() map[record.RunID]*run {
	runs := map[record.RunID]*run{}
	for _, r := range s.runsAlive() {
		if runs[r.id] == nil || r.isEntered() {
			runs[r.id] = r
		}
	}
	return runs
}

// deadline is how long the run may still take, 0 when it is due to be stopped.
func (r *run) deadline() time.Duration {
	return max(0, r.job.Options.Deadline-time.Duration(r.clock.now()-r.from))
}

// maintain stops one run at its deadline, reaps its expired sessions and offers its waiting nodes to invokers.
func (r *run) maintain(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	if r.deadline() == 0 && !r.halted.Load() {
		r.mu.Lock()
		name := r.name
		r.mu.Unlock()
		r.Stop(record.Failed, engine.ErrDeadline, &record.ErrorRecord{
			Kind: record.DeadlineError, Node: dag.NoNode, Worker: name, Time: r.wall(r.clock.now()),
			Message: "the run did not end within its deadline of " + r.job.Options.Deadline.String(),
		})
	}
	workers, err := r.backend.Workers(ctx, r.id)
	if err == nil {
		r.updateSessions(workers)
		for more := true; more && err == nil; {
			more, err = r.reap(ctx, ledger.Reap{Limit: ledger.MaxReap, Poison: r.rules.PoisonAfter}, names(workers), nil)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrUnknownRun) {
		r.store.cfg.Log.Error("expired sessions could not be reaped", "run", r.id, "error", err)
	}
	r.invokeAgain(err == nil && len(workers) == 0)
}

// invokeAgain repeats an invocation that may have been lost: workers on demand do not poll.
func (r *run) invokeAgain(deserted bool) {
	n := int(r.waiting.Load())
	if n == 0 && deserted && !r.halted.Load() {
		n = 1 // without a session, how many nodes wait is unknown
	}
	if n > 0 {
		r.store.cfg.Invoke(r.id, map[string]int{"": n}, r.rules.Invokers)
	}
}
