package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/watch"
)

// saveEvery is how old the kept mark may be if nothing happens. It only bounds what a restart reads.
const saveEvery = time.Minute

// stateVersion is the version of state in an outbox.
const stateVersion = 1

// state is what is kept in the outbox, as JSON.
type state struct {
	Version int        `json:"version"`
	Mark    watch.Mark `json:"mark"`
	// Ended are runs that have ended since, and whose end was not judged yet.
	Ended []record.RunID `json:"ended"`
	// Late are the runs that have not ended and for which the event late has happened.
	Late  map[record.RunID]bool `json:"late"`
	Queue []delivery            `json:"queue"` // the oldest first
}

// delivery is an event that waits.
type delivery struct {
	ID    string          `json:"id"`
	Event Event           `json:"event"`
	Run   record.RunID    `json:"run"`
	At    time.Time       `json:"at"`
	Body  json.RawMessage `json:"body"` // what is posted
}

// load continues where the outbox says.
func (s *Sender) load(ctx context.Context, now time.Time) error {
	data, err := s.cfg.Outbox.Load(ctx)
	if err != nil {
		return fmt.Errorf("webhook: the outbox cannot be read: %w", err)
	}
	s.state = state{Version: stateVersion}
	if data != nil {
		if err := json.Unmarshal(data, &s.state); err != nil {
			return fmt.Errorf("webhook: the outbox holds something else: %w", err)
		}
		if s.state.Version != stateVersion {
			return fmt.Errorf("webhook: the outbox has version %d, expected %d", s.state.Version, stateVersion)
		}
	}
	if s.state.Late == nil {
		s.state.Late = map[record.RunID]bool{}
	}
	s.watch = watch.New(s.cfg.Store, s.state.Mark, now)
	s.waiting.Set(float64(len(s.state.Queue)))
	return nil
}

// save keeps the state if anything has happened, or the kept mark is old.
func (s *Sender) save(ctx context.Context, now time.Time) error {
	if !s.dirty && now.Sub(s.saved) < saveEvery {
		return nil
	}
	s.dirty, s.state.Mark = true, s.watch.Mark()
	data, err := json.Marshal(&s.state)
	if err == nil {
		err = s.cfg.Outbox.Save(ctx, data)
	}
	if err != nil {
		return fmt.Errorf("webhook: the outbox cannot be written: %w", err)
	}
	s.dirty, s.saved = false, now
	s.waiting.Set(float64(len(s.state.Queue)))
	return nil
}

// note enters what a look has found. It has to be kept which runs have ended, and which are open, as the ends of those are
// events whenever they come to light.
func (s *Sender) note(look *watch.Look) {
	open := map[record.RunID]bool{}
	for _, r := range look.Open {
		open[r.Info.ID] = true
		if _, known := slices.BinarySearch(s.state.Mark.Open, r.Info.ID); !known {
			s.dirty = true
		}
	}
	maps.DeleteFunc(s.state.Late, func(id record.RunID, _ bool) bool { return !open[id] })
	maps.DeleteFunc(s.deadlines, func(id record.RunID, _ *Deadlines) bool { return !open[id] })
	for i := range look.Ended {
		s.state.Ended, s.dirty = append(s.state.Ended, look.Ended[i].Info.ID), true
	}
}

// enqueue enters an event. One that waits already, because it was found once more after a restart, changes nothing.
func (s *Sender) enqueue(d delivery) {
	if slices.ContainsFunc(s.state.Queue, func(o delivery) bool { return o.ID == d.ID }) {
		return
	}
	if len(s.state.Queue) >= s.cfg.Queue {
		s.drop(&d, fmt.Errorf("%d events wait already", len(s.state.Queue)))
		return
	}
	s.state.Queue, s.dirty = append(s.state.Queue, d), true
}
