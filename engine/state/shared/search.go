package shared

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// seen maps the runs that a search has found to the latest revision that was opened, -1 for runs to be skipped.
type seen map[record.RunID]int

// listing lists the runs of a search: active ones, and where it is interested in them those that have ended.
type listing func(ctx context.Context) (active, ended []record.RunID, err error)

// visitor handles a run; isActive says that it is listed as active.
type visitor func(known seen, id record.RunID, isActive bool) error

// Join implements state.Shared.
func (s *Store) Join(ctx context.Context, find func(workflow string, function engine.Signature) *engine.Function, take func(job execution.Job) (hooks state.Hooks, begin func(state.Run))) error {
	active := func(ctx context.Context) (active, ended []record.RunID, err error) {
		active, err = s.backend.Active(ctx)
		return active, nil, err
	}
	var watched watchedRuns
	return s.search(ctx, active, &watched, func(known seen, id record.RunID, isActive bool) error {
		kept, err := s.openIfNew(ctx, known, id, isActive)
		if kept == nil || err != nil {
			return err
		}
		known[id] = kept.Revision
		if s.own.has(id) && kept.Revision == 0 || kept.End != nil {
			return nil
		}
		job, err := decodeJob(*kept, find)
		if err != nil {
			return err
		}
		if kept.Status.Final() { // its end is not stored yet: watching it does that
			watched.add(s.startRun(ctx, newRun(s, job, *kept, noHooks)))
			return nil
		}
		if l := member.NewLayout(job.Graph); len(l.Own) == 1 {
			known[id] = -1
			return nil // this process has none of its functions
		}
		hooks, begin := take(job)
		r := newRun(s, job, *kept, hooks)
		r.joined = true
		s.startRun(ctx, r)
		begin(r)
		return nil
	})
}

// Find implements execution.Finder.
func (s *Store) Find(ctx context.Context, found func(execution.Job, execution.Execution)) error {
	var watched watchedRuns
	return s.search(ctx, s.all, &watched, func(known seen, id record.RunID, isActive bool) error {
		kept, err := s.openIfNew(ctx, known, id, isActive)
		if kept == nil || err != nil {
			return err
		}
		known[id] = kept.Revision
		if s.own.has(id) && kept.Revision == 0 { // a later revision may be of another process
			return nil
		}
		job, err := decodeJob(*kept, func(string, engine.Signature) *engine.Function { return nil })
		if err != nil {
			return err
		}
		r := s.startRun(ctx, newRun(s, job, *kept, noHooks))
		watched.add(r)
		found(job, r)
		return nil
	})
}

// watchedRuns are the runs that a search follows. It waits for them when it ends.
type watchedRuns struct{ list []*run }

// add adds a run, and drops those whose goroutines have ended.
func (w *watchedRuns) add(r *run) { w.list = append(slices.DeleteFunc(w.list, (*run).hasStopped), r) }

func (w *watchedRuns) wait() {
	for _, r := range w.list {
		<-r.stopped
	}
}

// all lists the active runs and those that have ended.
func (s *Store) all(ctx context.Context) (active, ended []record.RunID, err error) {
	begun := time.Now()
	if active, err = s.backend.Active(ctx); err == nil {
		ended, err = s.backend.Ended(ctx)
	}
	if err == nil {
		s.own.forget(begun, notIn(active, ended))
	}
	return active, ended, err
}

// openIfNew reads a run that a search has not seen, or not in this revision; nil if there is nothing new.
func (s *Store) openIfNew(ctx context.Context, known seen, id record.RunID, isActive bool) (*Stored, error) {
	kept, err := s.backend.Open(ctx, id)
	if errors.Is(err, engine.ErrUnknownRun) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if isActive && kept.End != nil {
		s.finishAgain(ctx, id, kept.End)
	}
	// The store has forgotten a part of a run that has ended here and is active there: it is opened once more.
	continues := isActive && kept.End == nil && s.eachRun()[id] == nil
	if revision, ok := known[id]; ok && (revision < 0 || revision > kept.Revision || revision == kept.Revision && !continues) {
		return nil, nil
	}
	return &kept, nil
}

// finishAgain completes the end of a run whose process died after storing it: the run is listed as ended and, if its end
// contains its result, cleaned. What a retry of a failed run reads expires in time.
func (s *Store) finishAgain(ctx context.Context, id record.RunID, data []byte) {
	_, err := s.backend.Finish(ctx, id, data)
	var end record.RunEnd
	if err == nil && json.Unmarshal(data, &end) == nil && end.Result != nil {
		_, err = s.backend.Clean(ctx, id, nil)
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error("a run could not be cleaned", "run", id, "error", err)
	}
}

// search visits runs now, whenever there is news, and at least every searchEvery, until ctx ends. It returns when the runs
// that it follows, and the maintenance unless others need it, have ended.
func (s *Store) search(ctx context.Context, list listing, watched *watchedRuns, visit visitor) error {
	news, leave := s.subscribe()
	defer leave()
	defer watched.wait()
	known, failed := seen{}, seen{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := searchEvery / 64 // short at first: news may have come before this process was listening
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news.some:
			for _, id := range news.take() {
				delete(failed, id)
				s.visitOne(ctx, known, failed, id, false, visit)
			}
			continue
		case <-timer.C:
		}
		active, ended, err := list(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("runs could not be listed", "error", err)
		}
		if err == nil {
			isGone := notIn(active, ended)
			maps.DeleteFunc(known, isGone)
			maps.DeleteFunc(failed, isGone)
		}
		live := s.eachRun()
		for _, id := range active {
			if revision, ok := known[id]; !ok || revision >= 0 && live[id] == nil { // it may have been revised
				s.visitOne(ctx, known, failed, id, true, visit)
			}
		}
		for _, id := range ended {
			if _, ok := known[id]; !ok {
				s.visitOne(ctx, known, failed, id, false, visit)
			}
		}
		timer.Reset(around(pause))
		pause = min(2*pause, searchEvery)
	}
}

// visitOne visits a run; a failure is logged once, and the visit is repeated when there is news of the run.
func (s *Store) visitOne(ctx context.Context, known, failed seen, id record.RunID, isActive bool, visit visitor) {
	if _, ok := failed[id]; ok {
		return
	}
	if err := visit(known, id, isActive); err != nil && ctx.Err() == nil {
		failed[id] = 0
		s.cfg.Log.Error("a run could not be read", "run", id, "error", err)
	}
}

// notIn returns a predicate for runs in neither list.
func notIn(active, ended []record.RunID) func(record.RunID, int) bool {
	listed := make(map[record.RunID]bool, len(active)+len(ended))
	for _, id := range active {
		listed[id] = true
	}
	for _, id := range ended {
		listed[id] = true
	}
	return func(id record.RunID, _ int) bool { return !listed[id] }
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
