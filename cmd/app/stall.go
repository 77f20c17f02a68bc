package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

const (
	// stallEvery is how often the progress of a run is checked.
	stallEvery = time.Second
	// stalledAfter is how long no task has ended when a reason is looked for.
	stalledAfter = 5 * time.Second
)

// stallWatch reports why a shared run that this process waits for stalls. Run's goroutine owns the last three fields.
type stallWatch struct {
	progress func() execution.Progress
	present  func(context.Context) ([]fleet.Present, error) // the workers
	needs    []sizedFunction                                // functions of the run that need resources
	isCode   bool                                           // it has tasks that are not compiled in
	calls    []string                                       // functions of the run that workers would list if they had them
	command  string                                         // starts a worker
	report   func(why string)

	ended    int       // tasks that had ended at the last check
	since    time.Time // when that number last changed
	reported string    // the last reason
}

// sizedFunction is a function and what a call of it needs.
type sizedFunction struct {
	name  string
	needs engine.Options
}

// newStallWatch makes a stallWatch for a run whose state is in Redis.
func (s *session) newStallWatch(h *home, r *engine.Run) (*stallWatch, error) {
	functions, err := fleet.NewCatalogue(s.workflows)
	if err != nil {
		return nil, err
	}
	listed := functions.Names() // workers may have more, which dynamic workflows create on demand
	var calls []string
	var needs []sizedFunction
	isCode := false
	for _, f := range r.Graph().Functions() {
		name := fleet.FunctionName(f)
		needs = append(needs, sizedFunction{f.Name(), f.Options()})
		isCode = isCode || code.IsTask(f.Signature())
		if slices.Contains(listed, name) {
			calls = append(calls, name)
		}
	}
	return &stallWatch{
		isCode: isCode, needs: needs,
		progress: r.Progress, calls: calls, command: h.workerCommand,
		report: func(why string) { s.notice("%s  waits: %s", r.ID(), why) },
		present: func(ctx context.Context) ([]fleet.Present, error) {
			return fleet.ListPresent(ctx, h.redis.Client, h.redis.Prefix)
		},
	}, nil
}

// Run checks until ctx ends.
func (l *stallWatch) Run(ctx context.Context) error {
	tick := time.NewTicker(stallEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			l.look(ctx, now)
		case <-ctx.Done():
			return nil
		}
	}
}

// look reports a reason once, and again only after there was another reason or none.
func (l *stallWatch) look(ctx context.Context, now time.Time) {
	p := l.progress()
	if ended := p.Done + p.Failed + p.Skipped + p.Retries; ended != l.ended || l.since.IsZero() {
		l.ended, l.since, l.reported = ended, now, ""
		return
	}
	if now.Sub(l.since) < stalledAfter || p.Status.Final() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, workersWithin)
	defer cancel()
	present, err := l.present(ctx)
	if err != nil { // an Outage reports that Redis does not answer
		l.since = now.Add(stalledAfter) // workers need to announce themselves again, which they do every five seconds
		return
	}
	why := l.why(p.Status, present)
	if why != "" && why != l.reported {
		l.report(why)
	}
	l.reported = why
}

// why returns why no task can end, empty if tasks may just take long.
func (l *stallWatch) why(status record.Status, present []fleet.Present) string {
	if status == record.Paused {
		return "it is paused; its page can resume it"
	}
	present = slices.DeleteFunc(slices.Clone(present), func(p fleet.Present) bool { return p.Lost })
	if len(present) == 0 {
		return fmt.Sprintf("there is no worker; start one with: %s", l.command)
	}
	if l.isCode && !slices.ContainsFunc(present, func(p fleet.Present) bool { return p.Code }) {
		return "no worker accepts code; start one with --accept-code and the same --secret-file"
	}
	if lacking := l.lacking(present); len(lacking) > 0 {
		return fmt.Sprintf("no worker has %s, which it calls", strings.Join(lacking, ", "))
	}
	snapshots := make([]worker.Snapshot, len(present))
	for i := range present {
		snapshots[i] = present[i].Snapshot
	}
	for _, f := range l.needs {
		if why := worker.TooLarge(f.needs, snapshots); why != "" {
			return fmt.Sprintf("no worker is large enough for %s: %s", f.name, why)
		}
	}
	return ""
}

// lacking lists the functions of the run that no worker has.
func (l *stallWatch) lacking(present []fleet.Present) []string {
	var out []string
	for _, name := range l.calls {
		has := func(p fleet.Present) bool { return p.Functions == nil || slices.Contains(p.Functions, name) }
		if !slices.ContainsFunc(present, has) {
			out = append(out, name)
		}
	}
	return out
}

// outage prints a notice while Redis does not answer.
func (s *session) outage(h *home) fleet.Outage {
	return fleet.Outage{
		Ask: fleet.Ping(h.redis.Client),
		Began: func(why error) {
			s.notice("%s: Redis does not answer; waiting until it does: %v", s.name, why)
		},
		Ended: func(lasted time.Duration) {
			s.notice("%s: Redis answers again after %s", s.name, duration(lasted))
		},
	}
}
