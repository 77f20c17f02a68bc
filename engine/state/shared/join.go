package shared

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// seen is what a search has found: of each run the latest revision that was taken up, -1 where none will be.
type seen map[engine.RunID]int

// listing lists the runs that a search may be interested in: those under way and those that have ended.
type listing func(ctx context.Context) (active, ended []engine.RunID, err error)

// visitor looks at a run; isActive tells that it is listed as under way.
type visitor func(known seen, id engine.RunID, isActive bool) error

// Join implements state.Shared.
func (s *Store) Join(ctx context.Context, find func(workflow, function string) *engine.Function, take func(job engine.Job) (hooks state.Hooks, begin func(state.Run))) error {
	active := func(ctx context.Context) (active, ended []engine.RunID, err error) {
		active, err = s.backend.Active(ctx)
		return active, nil, err
	}
	return s.search(ctx, active, func(known seen, id engine.RunID, isActive bool) error {
		kept, err := s.look(ctx, known, id, isActive)
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
		if kept.Status.Final() { // nobody has kept its end: watching sees to it
			s.begin(ctx, newRun(s, job, *kept, noHooks))
			return nil
		}
		if l := newLayout(job.Graph); len(l.own) == 1 {
			known[id] = -1
			return nil // nothing but the engine's own nodes
		}
		hooks, begin := take(job)
		r := newRun(s, job, *kept, hooks)
		r.joined = true
		s.begin(ctx, r)
		begin(r)
		return nil
	})
}

// look reads a run that a search has not seen, or not in this revision; nil where there is nothing new.
func (s *Store) look(ctx context.Context, known seen, id engine.RunID, isActive bool) (*Stored, error) {
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
	// A run that has ended here and goes on there was forgotten in part by the store: then it is taken up once more.
	goesOn := isActive && kept.End == nil && s.eachRun()[id] == nil
	if revision, ok := known[id]; ok && (revision < 0 || revision > kept.Revision || revision == kept.Revision && !goesOn) {
		return nil, nil
	}
	return &kept, nil
}

// finishAgain does what the process that has kept the end of a run did not live to do: the run is listed as ended, and
// where its result lies in its end, nothing else of it is needed. What a failed run may be retried from expires in time.
func (s *Store) finishAgain(ctx context.Context, id engine.RunID, data []byte) {
	_, err := s.backend.Finish(ctx, id, data)
	var end engine.RunEnd
	if err == nil && json.Unmarshal(data, &end) == nil && end.Result != nil {
		_, err = s.backend.Clean(ctx, id, nil)
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Error("a run could not be cleaned", "run", id, "error", err)
	}
}

// search looks for runs now, whenever there is news, and every few seconds, until ctx ends.
func (s *Store) search(ctx context.Context, list listing, visit visitor) error {
	news, leave := s.attend()
	defer leave()
	known, failed := seen{}, seen{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	pause := lookEvery / 64 // soon at first: news may have come before this process was listening
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
			s.cfg.Log.Error("runs could not be looked for", "error", err)
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
		pause = min(2*pause, lookEvery)
	}
}

// visitOne visits a run; one that cannot be read is told of once and tried again when there is news of it.
func (s *Store) visitOne(ctx context.Context, known, failed seen, id engine.RunID, isActive bool, visit visitor) {
	if _, ok := failed[id]; ok {
		return
	}
	if err := visit(known, id, isActive); err != nil && ctx.Err() == nil {
		failed[id] = 0
		s.cfg.Log.Error("a run could not be read", "run", id, "error", err)
	}
}

// notIn tells of a run whether it is not listed any more.
func notIn(active, ended []engine.RunID) func(engine.RunID, int) bool {
	listed := make(map[engine.RunID]bool, len(active)+len(ended))
	for _, id := range active {
		listed[id] = true
	}
	for _, id := range ended {
		listed[id] = true
	}
	return func(id engine.RunID, _ int) bool { return !listed[id] }
}
