package shared

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// Store is one process's part in runs that several processes share. It implements state.Shared and state.Watcher. Safe
// for concurrent use. Its goroutines end with its runs, and with the calls of Join and Find; Close waits for all of them.
type Store struct {
	cfg     Config
	backend Backend
	moves   moves
	held    heldBytes
	own     ownRuns

	running sync.WaitGroup              // of the runs' goroutines, the last of which ends the maintenance
	current atomic.Pointer[maintenance] // changed with mu held; nil without users

	mu          sync.Mutex
	live        map[*run]struct{}       // guarded by mu; runs with a goroutine
	numbers     int                     // guarded by mu; runs that have become known
	users       int                     // guarded by mu; of the maintenance: live runs, and calls of Join and Find
	subscribers map[*newsQueue]struct{} // guarded by mu; of Join and Find
}

var (
	_ state.Shared  = (*Store)(nil)
	_ state.Watcher = (*Store)(nil)
)

// New checks the configuration.
func New(cfg Config) (*Store, error) {
	if cfg.Backend == nil {
		return nil, errors.New("shared: Backend is nil, expected one such as redis.New gives")
	}
	cfg = cfg.withDefaults()
	return &Store{
		cfg: cfg, backend: cfg.Backend, moves: make(moves, parallelMoves), own: ownRuns{created: map[record.RunID]time.Time{}},
		live: map[*run]struct{}{}, subscribers: map[*newsQueue]struct{}{},
	}, nil
}

// startRun follows a run until it is over, left or forgotten, and while it is only watched no longer than ctx. The run
// counts as a user of the maintenance until its goroutine ends.
func (s *Store) startRun(ctx context.Context, r *run) *run {
	follow := r.prepare(ctx)
	s.mu.Lock()
	s.numbers++
	r.number = s.numbers
	s.live[r] = struct{}{}
	m := s.retain()
	s.mu.Unlock()
	select {
	case m.runAdded <- struct{}{}:
	default:
	}
	s.running.Go(func() {
		follow()
		s.mu.Lock()
		delete(s.live, r)
		last := s.release()
		s.mu.Unlock()
		close(r.stopped) // no one waits for the maintenance here but Close: its calls may take a quarter of a second to end
		last.end()
	})
	return r
}

// retain counts a user of the maintenance, and starts it for the first. The lock is held.
func (s *Store) retain() *maintenance {
	if s.users++; s.users == 1 {
		s.current.Store(startMaintenance(s))
	}
	return s.current.Load()
}

// release undoes retain. It returns the maintenance for the last user to end, without the lock, else nil. The lock is held.
func (s *Store) release() *maintenance {
	if s.users--; s.users > 0 {
		return nil
	}
	return s.current.Swap(nil)
}

// Close ends what this process does in its runs, as Forget does, and waits until all goroutines of the store have ended.
// Calls of Join and Find have to have returned. Runs in which this process takes part are to be left before: otherwise
// others have to wait for the lease of its sessions.
func (s *Store) Close() {
	for _, r := range s.runsAlive() {
		r.Forget()
	}
	s.running.Wait()
}

// requestWork makes waitForWork wait for hints, for a run that wants nodes and did not get them.
func (s *Store) requestWork() {
	if m := s.current.Load(); m != nil {
		select {
		case m.workWanted <- struct{}{}:
		default:
		}
	}
}

// runsAlive lists the runs that have a goroutine, in the order in which they became known.
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

// eachRun returns each known run once; where this process both takes part and watches, the entered one.
func (s *Store) eachRun() map[record.RunID]*run {
	runs := map[record.RunID]*run{}
	for _, r := range s.runsAlive() {
		if runs[r.id] == nil || r.hasEntered() {
			runs[r.id] = r
		}
	}
	return runs
}

// subscribe gives Join and Find the news of runs, and keeps the maintenance running until leave is called.
func (s *Store) subscribe() (news *newsQueue, leave func()) {
	news = newNewsQueue()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[news] = struct{}{}
	s.retain()
	return news, func() {
		s.mu.Lock()
		delete(s.subscribers, news)
		last := s.release()
		s.mu.Unlock()
		last.end()
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
