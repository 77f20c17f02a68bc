// Package watch reports which runs of a store have ended, each end once, from whichever process: this one, another one
// with the same folder or Redis, or another engine whose recording arrives.
//
// Guarantees: an end is reported once, across restarts as well where the Mark is kept. A run that was seen before its end is
// reported whenever that comes to light; one that was never seen is reported if it ended later than Slack before the preceding
// look, so that an import of old recordings reports nothing. A recording that grows ends when it grows no more. A run that
// was continued by a retry ends once more.
//
// Costs: a look at a store in which nothing has changed is one call of Store.ChangedSince. Otherwise it reads the header of
// each run that has changed, and the first look those of all runs. A Mark has some 100 B for each run that has not ended, or
// has ended within Slack.
//
// Caveat: a run that is deleted before the first look after its end is not reported.
package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Slack is by how much the clocks of processes that share a store may differ, and how long after its end a run may be
// listed at the latest that was never seen before.
const Slack = 10 * time.Minute

// Mark is how far a watch has come, as plain data to be kept.
type Mark struct {
	Looked   time.Time                 `json:"looked"`   // the latest look
	Open     []record.RunID            `json:"open"`     // runs that have not ended, sorted
	Reported map[record.RunID]Reported `json:"reported"` // those that ended later than Slack before Looked
}

// Reported is an end that was reported.
type Reported struct {
	Revision int       `json:"revision"`
	EndedAt  time.Time `json:"ended_at"`
}

// Look is what a look has found.
type Look struct {
	Ended []metricsstore.Run  // since the look before
	Open  []*metricsstore.Run // all that have not ended, by ID; as they were when they last changed
}

// Watch reads a store. Not safe for concurrent use.
type Watch struct {
	store    metricsstore.Store
	changes  uint64 // the number of the latest change of the store that was read
	looked   time.Time
	since    time.Time // runs that were never seen are reported if they ended then or later
	open     map[record.RunID]*metricsstore.Run
	reported map[record.RunID]Reported
}

// New makes a watch that continues at a mark. With a zero one it reports the ends from now on.
func New(store metricsstore.Store, from Mark, now time.Time) *Watch {
	w := &Watch{store: store, looked: from.Looked, since: now, open: map[record.RunID]*metricsstore.Run{}, reported: map[record.RunID]Reported{}}
	if !from.Looked.IsZero() {
		w.since = from.Looked.Add(-Slack)
	}
	for _, id := range from.Open {
		w.open[id] = nil // until the first look
	}
	maps.Copy(w.reported, from.Reported)
	return w
}

// Mark is how far the watch has come.
func (w *Watch) Mark() Mark {
	return Mark{Looked: w.looked, Open: slices.Sorted(maps.Keys(w.open)), Reported: maps.Clone(w.reported)}
}

// Look finds what has changed since the look before. After an error, which is one of the store, the next look finds it.
func (w *Watch) Look(ctx context.Context, now time.Time) (Look, error) {
	list, err := w.store.ChangedSince(ctx, w.changes)
	if err != nil {
		return Look{}, err
	}
	var read []metricsstore.Run
	if list.Partial {
		read, err = w.all(ctx, now)
	} else {
		read, err = w.some(ctx, append(list.Runs, w.grown(now)...))
	}
	if err != nil {
		return Look{}, err
	}
	var look Look
	for i := range read {
		if w.ends(&read[i], now) {
			look.Ended = append(look.Ended, read[i])
		}
	}
	w.changes, w.looked, w.since = list.Latest, now, now.Add(-Slack)
	maps.DeleteFunc(w.reported, func(_ record.RunID, t Reported) bool { return t.EndedAt.Before(w.since) })
	for _, id := range slices.Sorted(maps.Keys(w.open)) {
		look.Open = append(look.Open, w.open[id])
	}
	return look, nil
}

// all reads all runs and returns those that may have ended since the look before, or have not ended. Of runs that are not
// kept any more, it forgets that they have not.
func (w *Watch) all(ctx context.Context, now time.Time) (read []metricsstore.Run, err error) {
	kept := map[record.RunID]bool{}
	for after := (metricsstore.Position{}); ; {
		runs, err := w.store.Runs(ctx, after, 256)
		if err != nil {
			return nil, err
		}
		if len(runs) == 0 {
			break
		}
		for i := range runs {
			r := &runs[i]
			_, open := w.open[r.Info.ID]
			kept[r.Info.ID] = true
			if open || !r.StatusAt(now).Final() || !r.EndedAt.Before(w.since.Add(-Slack)) {
				read = append(read, *r)
			}
		}
		after = runs[len(runs)-1].Position()
	}
	maps.DeleteFunc(w.open, func(id record.RunID, _ *metricsstore.Run) bool { return !kept[id] })
	return read, nil
}

// some reads runs.
func (w *Watch) some(ctx context.Context, ids []record.RunID) (read []metricsstore.Run, err error) {
	for _, id := range ids {
		r, err := w.store.Run(ctx, id)
		if errors.Is(err, metricsstore.ErrNotFound) {
			delete(w.open, id)
			continue
		}
		if err != nil {
			return nil, err
		}
		read = append(read, r)
	}
	return read, nil
}

// grown lists recordings that have ended by not growing any more.
func (w *Watch) grown(now time.Time) (ids []record.RunID) {
	for id, r := range w.open {
		if r != nil && r.Status.Final() && r.StatusAt(now).Final() {
			ids = append(ids, id)
		}
	}
	return ids
}

// ends enters the state of a run and reports whether its end has to be reported.
func (w *Watch) ends(r *metricsstore.Run, now time.Time) bool {
	id := r.Info.ID
	if !r.StatusAt(now).Final() {
		w.open[id] = r
		return false
	}
	_, open := w.open[id]
	delete(w.open, id)
	before, reported := w.reported[id]
	w.reported[id] = Reported{Revision: r.Info.Revision, EndedAt: r.EndedAt}
	return open || !r.EndedAt.Before(w.since) && !(reported && before.Revision == r.Info.Revision)
}
