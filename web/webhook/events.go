package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
)

// payload is what is posted, see docs/webhooks.md.
type payload struct {
	ID    string    `json:"id"`
	Event Event     `json:"event"`
	At    time.Time `json:"at"` // when it was noticed
	Run   about     `json:"run"`
	// Error is how the run failed; null unless Event is failed, and if that is not known.
	Error *api.RunError `json:"error"`
	// Standing compares the run with its peers; null unless Event is slow.
	Standing *api.Standing `json:"standing"`
	// Late is the deadline that has passed; null unless Event is late.
	Late *deadline `json:"late"`
}

// about describes a run.
type about struct {
	ID         record.RunID  `json:"id"`
	Name       string        `json:"name"`
	Workflow   string        `json:"workflow"`
	Revision   int           `json:"revision"`
	Status     record.Status `json:"status"`
	Tags       []string      `json:"tags"`
	StartedAt  time.Time     `json:"started_at"`
	EndedAt    *time.Time    `json:"ended_at"`
	MakespanNS int64         `json:"makespan_ns"` // of a run that has not ended, the time since its start
	URL        string        `json:"url,omitempty"`
}

// deadline is Deadlines in JSON.
type deadline struct {
	DeadlineNS  int64   `json:"deadline_ns"`
	Runs        int     `json:"runs"`
	FalseAlarms float64 `json:"false_alarms"`
}

// judge decides which events the ends of runs are. While the store does not answer, they wait.
func (s *Sender) judge(ctx context.Context, now time.Time) error {
	for len(s.state.Ended) > 0 {
		id := s.state.Ended[0]
		run, err := s.cfg.Runs.Run(ctx, id)
		if isTemporary(err) {
			return err
		}
		standing := run.Standing.Value
		switch {
		case err != nil:
			s.giveUp(id, err)
		case s.wants(Failed) && (run.Status == record.Failed || run.Status == record.Interrupted):
			s.happens(&payload{Event: Failed, Error: run.Error.Value}, &run, now)
		case s.wants(Slow) && standing != nil && standing.Slow:
			s.happens(&payload{Event: Slow, Standing: standing}, &run, now)
		}
		s.state.Ended, s.dirty = s.state.Ended[1:], true
	}
	return nil
}

// isTemporary reports an error that says nothing about the run: no answer, or that the store gives none.
func isTemporary(err error) bool {
	var p *api.Problem
	return err != nil && (!errors.As(err, &p) || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusGatewayTimeout)
}

// giveUp logs that there is no answer about a run, unless it was deleted.
func (s *Sender) giveUp(run record.RunID, err error) {
	var p *api.Problem
	if errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusGone) {
		return
	}
	s.cfg.Log.Error("a run cannot be judged, so that its events are not noticed", "run", run, "error", err)
}

// happens enters an event of a run.
func (s *Sender) happens(p *payload, run *api.RunSummary, now time.Time) {
	p.ID, p.At = fmt.Sprintf("%s-%s-%d", p.Event, run.Run, run.Revision), now.UTC()
	p.Run = about{
		ID: run.Run, Name: run.Name, Workflow: run.Workflow, Revision: run.Revision, Status: run.Status, Tags: run.Tags,
		StartedAt: run.StartedAt, EndedAt: run.EndedAt, MakespanNS: run.MakespanNS, URL: s.pageOf(run.Run),
	}
	body, err := json.Marshal(p)
	if err != nil { // plain data, with floats that are finite
		s.cfg.Log.Error("an event cannot be encoded", "event", p.Event, "run", run.Run, "error", err)
		return
	}
	s.enqueue(delivery{ID: p.ID, Event: p.Event, Run: run.Run, At: p.At, Body: body})
}

// overdue finds the runs that are late. Runs of other engines and runs that were continued have no deadline, and paused ones
// are not late: they wait because a user wants it.
func (s *Sender) overdue(ctx context.Context, open []*metricsstore.Run, now time.Time) error {
	if !s.wants(Late) {
		return nil
	}
	for _, r := range open {
		id := r.Info.ID
		if s.state.Late[id] || r.Info.Imported() != nil || r.Info.Revision > 0 {
			continue
		}
		d, known := s.deadlines[id]
		if known && (d == nil || now.Sub(r.Info.StartedAt) <= d.Deadline) {
			continue
		}
		// A deadline that has passed is learnt once more: the peers that had not ended when it was learnt are long ones.
		d, err := s.learn(ctx, id)
		if err == nil && d != nil && now.Sub(r.Info.StartedAt) > d.Deadline {
			err = s.late(ctx, id, d, now)
		}
		if isTemporary(err) {
			return err
		}
		if err != nil {
			s.giveUp(id, err)
			d = nil
		}
		s.deadlines[id] = d
	}
	return nil
}

// learn returns the deadline of a run; nil if it has none. Makespans begin with the first claim, and a run that has not ended
// may still wait for its own, so durations count from the start.
func (s *Sender) learn(ctx context.Context, run record.RunID) (*Deadlines, error) {
	peers, err := s.cfg.Runs.Runs(ctx, url.Values{"before": {string(run)}, "limit": {strconv.Itoa(metricsstore.MaxPeers)}})
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for i := range peers.Runs {
		if p := &peers.Runs[i]; p.EndedAt != nil {
			took = append(took, p.EndedAt.Sub(p.StartedAt))
		}
	}
	d, ok := Deadline(took)
	if !ok {
		return nil, nil
	}
	return &d, nil
}

// late enters the event late of a run that has passed its deadline, unless it has ended meanwhile or is paused.
func (s *Sender) late(ctx context.Context, id record.RunID, d *Deadlines, now time.Time) error {
	run, err := s.cfg.Runs.Run(ctx, id)
	if err != nil || run.Status != record.Running {
		return err
	}
	s.happens(&payload{Event: Late, Late: &deadline{int64(d.Deadline), d.Runs, d.FalseAlarms}}, &run, now)
	s.state.Late[id], s.dirty = true, true
	return nil
}
