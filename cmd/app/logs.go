package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// logsCommand prints what attempts logged and how they failed.
type logsCommand struct {
	RunID  string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Task   string `arg:"" optional:"" name:"task" help:"Only this task, as the command tasks names it, such as blur[3]; a function, for all its tasks; or the number of a node."`
	Failed bool   `help:"Only attempts that did not succeed."`
	Limit  int    `default:"100" placeholder:"N" help:"The most attempts to print; 0 for all (default 100)."`
	Follow bool   `help:"Continue until the run has ended. What a single task logs is printed as it comes; of several, each attempt when it ends."`
	targetFlags
}

// Validate is called by kong.
func (c *logsCommand) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit is %d, expected 0 or more", c.Limit)
	}
	if c.Follow && c.Limit != defaultLogs {
		return errors.New("--follow is given with --limit, expected one of them: every attempt that ends is printed")
	}
	return c.check()
}

// defaultLogs is the default of --limit.
const defaultLogs = 100

// loggedJSON is one attempt that has logged something or has failed.
type loggedJSON struct {
	Task      string              `json:"task"`
	Node      dag.NodeID          `json:"node"`
	Epoch     int                 `json:"epoch"`
	Attempt   int                 `json:"attempt"`
	Outcome   record.Outcome      `json:"outcome"`
	Worker    int                 `json:"worker"`
	Slot      int                 `json:"slot"`
	ClaimedNS int64               `json:"claimed_ns"`
	EndedNS   int64               `json:"ended_ns"`
	Log       string              `json:"log"`
	Error     *record.ErrorRecord `json:"error"`
}

// logsJSON is the output.
type logsJSON struct {
	Run      record.RunID `json:"run"`
	Attempts []loggedJSON `json:"attempts"`
	More     int          `json:"more"` // attempts beyond the limit

	tasks bool // some attempt matches the arguments
	live  bool
}

// key names the attempt among those of its run.
func (a *loggedJSON) key() attemptKey { return attemptKey{a.Node, uint16(a.Epoch), uint16(a.Attempt)} }

// Run prints the logs.
func (c *logsCommand) Run(ctx context.Context, s *session) error {
	if c.Follow {
		return c.follow(ctx, s)
	}
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		found, err := c.list(ctx, store, r)
		if err != nil {
			return err
		}
		if !found.tasks && c.Task != "" {
			return usage("run %s has no task %q of which an attempt has ended; the command tasks lists them", r.Info.ID, c.Task)
		}
		if s.flags.JSON {
			return s.printJSON(found)
		}
		return found.print(s)
	})
}

// list collects the attempts in the order in which they ended.
func (c *logsCommand) list(ctx context.Context, store metricsstore.Store, r *metricsstore.Run) (*logsJSON, error) {
	out := &logsJSON{Run: r.Info.ID, Attempts: []loggedJSON{}, live: !r.Status.Final()}
	kept, err := keptDetails(ctx, store, r.Info.ID)
	if err != nil {
		return nil, err
	}
	var failed error
	err = eachAttempt(ctx, store, r.Info, func(_ uint64, t attemptJSON) {
		if t.Attempt == 0 || !c.matches(&t) {
			return
		}
		out.tasks = true
		row, ok := kept[attemptKey{t.Node, uint16(t.Epoch), uint16(t.Attempt)}]
		if !ok || c.Failed && t.Outcome.Done() {
			return
		}
		d, err := row.Unpack()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s, attempt %d: %w", t.Name, t.Attempt, err))
			return
		}
		switch {
		case len(d.Log) == 0 && d.Error == nil:
		case c.Limit > 0 && len(out.Attempts) == c.Limit:
			out.More++
		default:
			out.Attempts = append(out.Attempts, loggedJSON{
				Task: t.Name, Node: t.Node, Epoch: t.Epoch, Attempt: t.Attempt, Outcome: t.Outcome, Worker: t.Worker, Slot: t.Slot,
				ClaimedNS: t.ClaimedNS, EndedNS: t.EndedNS, Log: strings.ToValidUTF8(string(d.Log), "�"), Error: d.Error,
			})
		}
	})
	return out, errors.Join(err, failed)
}

// matches reports whether the attempt belongs to the requested task.
func (c *logsCommand) matches(t *attemptJSON) bool {
	node, err := strconv.ParseUint(c.Task, 10, 32)
	return c.Task == "" || t.Name == c.Task || t.Task.String() == c.Task || t.Task.Function == c.Task || err == nil && dag.NodeID(node) == t.Node
}

// attemptKey names an attempt of a run, whatever the revision.
type attemptKey struct {
	node           dag.NodeID
	epoch, attempt uint16
}

// keptDetails reads the details of all attempts, still packed.
func keptDetails(ctx context.Context, store metricsstore.Store, id record.RunID) (map[attemptKey]metricsstore.DetailRow, error) {
	out := map[attemptKey]metricsstore.DetailRow{}
	const page = 1024
	for from := (metricsstore.DetailKey{}); ; {
		rows, err := store.Details(ctx, id, from, page+1)
		if err != nil {
			return nil, err
		}
		for _, row := range rows[:min(page, len(rows))] {
			out[attemptKey{row.Node, row.Epoch, row.Attempt}] = row
		}
		if len(rows) <= page {
			return out, nil
		}
		from = rows[page].DetailKey
	}
}

func (l *logsJSON) print(s *session) error {
	for i := range l.Attempts {
		if err := l.Attempts[i].print(s); err != nil {
			return err
		}
	}
	switch {
	case l.More > 0:
		fmt.Fprintf(s.stdout, "%s of %s shown; --limit 0 shows all.\n", count(int64(len(l.Attempts))), plural(int64(len(l.Attempts)+l.More), "attempt"))
	case len(l.Attempts) == 0:
		fmt.Fprintf(s.stdout, "Run %s: nothing was logged and nothing failed.\n", l.Run)
	}
	if l.live {
		fmt.Fprintln(s.stdout, "The run is active: the log of an attempt is recorded when the attempt ends; --follow prints them as they end.")
	}
	return nil
}

// print prints one attempt: a heading, its error, and its log.
func (a *loggedJSON) print(s *session) error {
	if _, err := fmt.Fprintf(s.stdout, "%s, attempt %d: %s after %s, on worker %d slot %d\n", oneLine(a.Task, 80), a.Attempt,
		s.status(a.Outcome.String()), duration(time.Duration(a.EndedNS-a.ClaimedNS)), a.Worker, a.Slot); err != nil {
		return err
	}
	if e := a.Error; e != nil {
		fmt.Fprintf(s.stdout, "  %s\n%s", e.Kind, paragraphs(e.Message, "    "))
		if e.ExitCode != 0 || e.Signal != "" {
			fmt.Fprintf(s.stdout, "  ended with %s\n", ending(e))
		}
		if e.Stack != "" {
			fmt.Fprintf(s.stdout, "  stack\n%s", paragraphs(e.Stack, "    "))
		}
	}
	if a.Log != "" {
		fmt.Fprintf(s.stdout, "  log\n%s", paragraphs(a.Log, "    "))
	}
	_, err := fmt.Fprintln(s.stdout)
	return err
}

const (
	// followEvery is how often the store is polled for attempts that have ended.
	followEvery = time.Second
	// followThere is the same for a service, from which the whole record is downloaded.
	followThere = 3 * time.Second
)

// follow prints attempts as they end, with --json as one line each, until the run has ended. What a single task logs is
// printed as it comes.
func (c *logsCommand) follow(ctx context.Context, s *session) error {
	c.Limit = 0
	every := followEvery
	if c.Server != "" {
		every = followThere
	}
	printed := map[attemptKey]bool{}
	var live *liveLog // nil while the task is not known, or cannot be followed
	for {
		running := false
		err := s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
			c.RunID = string(r.Info.ID) // last may mean another run later
			found, err := c.list(ctx, store, r)
			if err != nil {
				return err
			}
			if running = found.live; running && live == nil {
				live, err = c.newLiveLog(ctx, s, store, r.Info.ID)
			}
			return errors.Join(err, found.printNew(s, printed, live))
		})
		if err != nil || !running {
			return err
		}
		if live != nil {
			reached, err := live.follow(ctx, every)
			if err != nil {
				return err
			}
			if reached {
				continue
			}
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// printNew prints the attempts that were not printed before, without logs that were printed as they came.
func (l *logsJSON) printNew(s *session, printed map[attemptKey]bool, live *liveLog) error {
	for i := range l.Attempts {
		a := &l.Attempts[i]
		if printed[a.key()] {
			continue
		}
		printed[a.key()] = true
		if live != nil {
			if err := live.finish(a); err != nil {
				return err
			}
		}
		var err error
		if s.flags.JSON {
			err = json.NewEncoder(s.stdout).Encode(a)
		} else {
			err = a.print(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
