package shared

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maintenance reads news and hints for all runs of a store, reaps and audits them, while the store has runs or searches for
// them.
type maintenance struct {
	store      *Store
	workWanted chan struct{} // capacity 1; to waitForWork: a run wants nodes and did not get them
	runAdded   chan struct{} // capacity 1; to reapExpired: a run was added
	stop       context.CancelFunc
	stopped    chan struct{} // closed when run has returned
}

// startMaintenance starts it; the caller ends it.
func startMaintenance(s *Store) *maintenance {
	ctx, stop := context.WithCancel(context.Background())
	m := &maintenance{store: s, workWanted: make(chan struct{}, 1), runAdded: make(chan struct{}, 1), stop: stop, stopped: make(chan struct{})}
	go func() {
		defer close(m.stopped)
		m.run(ctx)
	}()
	return m
}

// end stops it and waits until it has ended; of nil it does nothing.
func (m *maintenance) end() {
	if m != nil {
		m.stop()
		<-m.stopped
	}
}

// run maintains all runs until ctx ends and what it has started has returned.
func (m *maintenance) run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){m.listen, m.waitForWork, m.reapExpired, m.auditAll} {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
}

// listen publishes the news of the back end.
func (m *maintenance) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := m.store.backend.News(ctx, m.store.publish); err != nil && ctx.Err() == nil {
			m.store.cfg.Log.Error("the news of runs cannot be read", "error", err)
		}
		sleep(ctx, time.Second)
	}
}

// waitForWork waits for hints while lanes find nothing, and has their runs ask again at each hint and every sleepFor.
func (m *maintenance) waitForWork(ctx context.Context) {
	for ctx.Err() == nil {
		starved, functions := m.starvedRuns()
		if len(starved) == 0 {
			select {
			case <-ctx.Done():
			case <-m.workWanted:
			}
			continue
		}
		id, err := m.store.backend.Sleep(ctx, functions, sleepFor)
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

// starvedRuns lists the runs that want nodes and did not get them, and the functions of theirs that this process has.
func (m *maintenance) starvedRuns() (runs []*run, functions []string) {
	functions = []string{""}
	for _, r := range m.store.runsAlive() {
		if !r.isStarved() {
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

// reapExpired ends expired sessions in every run that this process knows, and stops runs at their deadline.
func (m *maintenance) reapExpired(ctx context.Context) {
	every := m.store.cfg.Lease * 4 / 15
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now().Add(around(every))
	for {
		timer.Reset(m.nextVisit(next))
		select {
		case <-ctx.Done():
			return
		case <-m.runAdded: // its deadline may come first
			continue
		case <-timer.C:
		}
		var visits sync.WaitGroup
		for _, r := range m.store.eachRun() {
			visits.Go(func() { r.reaper.maintain(ctx) })
		}
		visits.Wait()
		next = time.Now().Add(around(every))
	}
}

// nextVisit is how long to wait for the next round: until at, or until the first deadline.
func (m *maintenance) nextVisit(at time.Time) time.Duration {
	pause := time.Until(at)
	for _, r := range m.store.runsAlive() {
		if left := r.deadline(); left > 0 {
			pause = min(pause, left)
		}
	}
	return pause
}

// auditAll checks the whole ledger of each run about once a minute, in the session with the smallest number. A ledger is
// always consistent; the audit is for defects that no rule covers.
func (m *maintenance) auditAll(ctx context.Context) {
	for {
		sleep(ctx, around(auditEvery))
		if ctx.Err() != nil {
			return
		}
		for _, r := range m.store.runsAlive() {
			if r.isFirst() {
				r.reaper.audit(ctx)
			}
		}
	}
}
