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
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// hire counts a run with goroutines. The store's own, which look after all runs, live as long as there are any.
func (s *Store) hire(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[r] = struct{}{}
	s.employ()
	select {
	case s.hired <- struct{}{}:
	default:
	}
}

// dismiss undoes hire.
func (s *Store) dismiss(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, r)
	s.layOff()
}

// employ starts the caretakers where there are none. The lock is held.
func (s *Store) employ() {
	if s.active++; s.active > 1 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, care := range []func(context.Context){s.listen, s.doze, s.bury, s.auditAll} {
		go care(ctx)
	}
}

// layOff ends the caretakers with the last that needs them. The lock is held.
func (s *Store) layOff() {
	if s.active--; s.active == 0 {
		s.stop()
	}
}

// attend is for Join and Find: they need the caretakers without a run, and hear of news.
func (s *Store) attend() (news *inbox, leave func()) {
	news = newInbox()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[news] = struct{}{}
	s.employ()
	return news, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.heard, news)
		s.layOff()
	}
}

// inbox keeps of which runs there is news, each once, until somebody has time for them: many come at once where many are
// submitted, and one that got lost would not be found before the next look at all.
type inbox struct {
	some chan struct{} // has an element where there are any

	mu   sync.Mutex
	runs map[engine.RunID]struct{}
}

func newInbox() *inbox {
	return &inbox{some: make(chan struct{}, 1), runs: map[engine.RunID]struct{}{}}
}

func (b *inbox) put(id engine.RunID) {
	b.mu.Lock()
	b.runs[id] = struct{}{}
	b.mu.Unlock()
	select {
	case b.some <- struct{}{}:
	default:
	}
}

// take empties it.
func (b *inbox) take() []engine.RunID {
	b.mu.Lock()
	defer b.mu.Unlock()
	runs := slices.Sorted(maps.Keys(b.runs))
	clear(b.runs)
	return runs
}

// runsAlive lists the runs that have goroutines.
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

// listen passes on what the back end tells of runs.
func (s *Store) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.backend.News(ctx, s.told); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("there is no news of runs", "error", err)
		}
		sleep(ctx, time.Second)
	}
}

// told: a run was stopped, paused, resumed or created, or has ended.
func (s *Store) told(id engine.RunID) {
	for _, r := range s.runsAlive() {
		if r.id == id {
			r.hear()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for news := range s.heard {
		news.put(id)
	}
}

// hear lets the committer ask how the run stands.
func (r *run) hear() {
	r.lock()
	defer r.unlock()
	r.heard = r.self != nil
	r.dry = false
}

// doze waits, while lanes find nothing, for a hint that there is work, and lets their runs look again every now and then.
func (s *Store) doze(ctx context.Context) {
	for ctx.Err() == nil {
		hungry, functions := s.hungry()
		if len(hungry) == 0 {
			select {
			case <-ctx.Done():
			case <-s.hunger:
			}
			continue
		}
		id, err := s.backend.Sleep(ctx, functions, sleepFor)
		if err != nil {
			sleep(ctx, sleepFor)
		}
		for _, r := range hungry {
			if id == "" || r.id == id {
				r.awake()
			}
		}
	}
}

// feed sees to it that a run that wants nodes and did not get them asks again.
func (s *Store) feed() {
	select {
	case s.hunger <- struct{}{}:
	default:
	}
}

// hungry lists the runs that want nodes and did not get them, and what this process can run of them.
func (s *Store) hungry() (runs []*run, functions []string) {
	functions = []string{""}
	for _, r := range s.runsAlive() {
		if !r.isHungry() {
			continue
		}
		runs = append(runs, r)
		for _, c := range r.layout.own {
			if name := r.layout.className(c); !slices.Contains(functions, name) {
				functions = append(functions, name)
			}
		}
	}
	return runs, functions
}

func (r *run) isHungry() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dry && r.want() > 0
}

// awake lets the committer ask for claims again.
func (r *run) awake() {
	r.lock()
	defer r.unlock()
	r.dry, r.roused = false, true
}

// around is a duration ± 20 %, so that processes do not act together.
func around(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// bury ends sessions of dead processes, in every run that this process knows, and runs that have reached their deadline.
func (s *Store) bury(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now().Add(around(s.cfg.Lease * 4 / 15))
	for {
		timer.Reset(s.nextVisit(next))
		select {
		case <-ctx.Done():
			return
		case <-s.hired: // its deadline may come first
			continue
		case <-timer.C:
		}
		var visits sync.WaitGroup
		for _, r := range s.eachRun() {
			visits.Go(func() { r.visit(ctx) })
		}
		visits.Wait()
		next = time.Now().Add(around(s.cfg.Lease * 4 / 15))
	}
}

// nextVisit is how long until runs have to be looked after: at that moment, or when the first deadline comes.
func (s *Store) nextVisit(at time.Time) time.Duration {
	pause := time.Until(at)
	for _, r := range s.runsAlive() {
		if left := r.deadline(); left > 0 {
			pause = min(pause, left)
		}
	}
	return pause
}

// eachRun gives each run once that this process knows: where it takes part and watches too, the part that it takes.
func (s *Store) eachRun() map[engine.RunID]*run {
	runs := map[engine.RunID]*run{}
	for _, r := range s.runsAlive() {
		if runs[r.id] == nil || r.isEntered() {
			runs[r.id] = r
		}
	}
	return runs
}

// deadline is how long the run may still take, 0 where it should have been stopped.
func (r *run) deadline() time.Duration {
	return max(0, r.job.Options.Deadline-time.Duration(r.clock.now()-r.from))
}

// visit looks after one run.
func (r *run) visit(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	if r.deadline() == 0 && !r.halted.Load() {
		r.mu.Lock()
		name := r.name
		r.mu.Unlock()
		r.Stop(engine.Failed, engine.ErrDeadline, &engine.ErrorRecord{
			Kind: engine.DeadlineError, Node: engine.NoNode, Worker: name, Time: r.wall(r.clock.now()),
			Message: "the run did not end within its deadline of " + r.job.Options.Deadline.String(),
		})
	}
	workers, err := r.backend.Workers(ctx, r.id)
	if err == nil {
		r.neighbours(workers)
		for more := true; more && err == nil; {
			more, err = r.reap(ctx, ledger.Reap{Limit: ledger.MaxReap, Poison: r.rules.PoisonAfter}, names(workers), nil)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrUnknownRun) {
		r.store.cfg.Log.Error("dead workers could not be looked for", "run", r.id, "error", err)
	}
	r.invokeAgain(err == nil && len(workers) == 0)
}

// invokeAgain repeats what may have been lost: nobody polls where machines come only when they are called.
func (r *run) invokeAgain(deserted bool) {
	n := int(r.waiting.Load())
	if n == 0 && deserted && !r.halted.Load() {
		n = 1 // nobody takes part, so nobody knows what waits
	}
	if n > 0 {
		r.store.cfg.Invoke(r.id, map[string]int{"": n}, r.rules.Invokers)
	}
}
