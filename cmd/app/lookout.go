package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
)

const (
	// lookEvery is how often it is looked whether a run goes on.
	lookEvery = time.Second
	// standsStill is for how long no task has ended until it is asked why.
	standsStill = 5 * time.Second
)

// lookout tells whoever waits for a run that others work on why it stands still.
type lookout struct {
	progress func() engine.Progress
	present  func(context.Context) ([]fleet.Present, error) // the workers
	calls    []string                                       // functions of the run that a worker which has them tells of
	command  string                                         // what starts a worker
	tell     func(why string)

	ended int       // tasks that had ended at the last look
	since time.Time // when one more had
	told  string
}

// newLookout makes a lookout for a run whose state is in Redis.
func (s *session) newLookout(h *home, r *engine.Run) (*lookout, error) {
	functions, err := fleet.NewCatalogue(s.workflows)
	if err != nil {
		return nil, err
	}
	listed := functions.Names() // workers may have more, which workflows make when they are asked for
	var calls []string
	for _, f := range r.Graph().Functions() {
		if name := fleet.FunctionName(f); slices.Contains(listed, name) {
			calls = append(calls, name)
		}
	}
	return &lookout{
		progress: r.Progress, calls: calls, command: h.workerCommand,
		tell: func(why string) { s.notice("%s  waits: %s", r.ID(), why) },
		present: func(ctx context.Context) ([]fleet.Present, error) {
			return fleet.ListPresent(ctx, h.redis.Client, h.redis.Prefix)
		},
	}, nil
}

// Run looks until ctx ends.
func (l *lookout) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
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

// look tells a reason once, and again when there was another one, or none, meanwhile.
func (l *lookout) look(ctx context.Context, now time.Time) {
	p := l.progress()
	if ended := p.Done + p.Failed + p.Skipped + p.Retries; ended != l.ended || l.since.IsZero() {
		l.ended, l.since, l.told = ended, now, ""
		return
	}
	if now.Sub(l.since) < standsStill || p.Status.Final() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, workersWithin)
	defer cancel()
	present, err := l.present(ctx)
	if err != nil { // that Redis does not answer is told by an Outage
		l.since = now.Add(standsStill) // workers tell every five seconds that they are there, and could not
		return
	}
	why := l.why(p.Status, present)
	if why != "" && why != l.told {
		l.tell(why)
	}
	l.told = why
}

// why is the reason for which no task ends, empty where they may just take their time.
func (l *lookout) why(status engine.Status, present []fleet.Present) string {
	if status == engine.Paused {
		return "it is paused; its page can resume it"
	}
	present = slices.DeleteFunc(slices.Clone(present), func(p fleet.Present) bool { return p.Lost })
	if len(present) == 0 {
		return fmt.Sprintf("no worker is there; start one by %s", l.command)
	}
	if lacking := l.lacking(present); len(lacking) > 0 {
		return fmt.Sprintf("no worker has %s, which it calls", strings.Join(lacking, ", "))
	}
	return ""
}

// lacking lists the functions of the run that no worker has.
func (l *lookout) lacking(present []fleet.Present) []string {
	var out []string
	for _, name := range l.calls {
		has := func(p fleet.Present) bool { return p.Functions == nil || slices.Contains(p.Functions, name) }
		if !slices.ContainsFunc(present, has) {
			out = append(out, name)
		}
	}
	return out
}

// outage tells whoever waits that Redis does not answer.
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

// notice writes a line for people to standard error, in place of the bar that may be there and comes back behind it.
func (s *session) notice(format string, args ...any) {
	start := ""
	if s.bars {
		start = "\r\x1b[K"
	}
	fmt.Fprintf(s.stderr, start+format+"\n", args...)
}
