package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// runsCommand lists runs.
type runsCommand struct {
	Workflow string        `placeholder:"NAME" help:"Only runs of this workflow."`
	Engine   string        `placeholder:"NAME" help:"Only runs of this engine, ignoring case: dagscope for those that were not imported, unknown for recordings that do not say."`
	Status   record.Status `enum:",queued,running,paused,succeeded,failed,cancelled,interrupted" default:"" placeholder:"STATUS" help:"Only runs that are queued, running, paused, succeeded, failed, cancelled or interrupted."`
	Tag      []string      `sep:"none" placeholder:"TAG" help:"Only runs with this tag. Can be repeated: all of them."`
	Search   string        `placeholder:"TEXT" help:"Only runs with this text in id, workflow, parameters, tags, note or error."`
	periodFlags
	storeFlags
	Limit int `default:"20" placeholder:"N" help:"The most runs to list, newest first; 0 for all (default 20)."`
}

// Validate is called by kong.
func (c *runsCommand) Validate() error {
	if c.Limit < 0 {
		return fmt.Errorf("--limit is %d, expected 0 or more", c.Limit)
	}
	return c.periodFlags.validate()
}

// runJSON describes one run of a list.
type runJSON struct {
	Run           record.RunID      `json:"run"`
	Workflow      string            `json:"workflow"`
	Engine        string            `json:"engine"` // dagscope, another one, or unknown
	Params        map[string]string `json:"params"`
	Status        record.Status     `json:"status"`
	StartedAt     time.Time         `json:"started_at"`
	EndedAt       *time.Time        `json:"ended_at"` // null while it runs
	Tasks         int64             `json:"tasks"`
	Succeeded     int64             `json:"succeeded"`
	Cached        int64             `json:"cached"` // not executed, because their output was there from an earlier run
	Failed        int64             `json:"failed"`
	Skipped       int64             `json:"skipped"`
	NotRun        int64             `json:"not_run"` // when it ended; 0 while it is active
	Retried       int64             `json:"retried"`
	MakespanNS    int64             `json:"makespan_ns"`
	ScheduleNS    *int64            `json:"schedule_ns"` // of a reconstructed schedule, else null
	OutputBytes   int64             `json:"output_bytes"`
	Tags          []string          `json:"tags"`
	Note          string            `json:"note"`
	Reconstructed string            `json:"reconstructed,omitempty"`
	Incomplete    string            `json:"incomplete,omitempty"` // why the recording of an imported run does not cover it
	Records       recordsReport     `json:"records"`
	Error         *errorJSON        `json:"error"`
	Undated       bool              `json:"-"` // a recording has no date
}

func newRunJSON(r *metricsstore.Run) runJSON {
	j := runJSON{
		Run: r.Info.ID, Workflow: r.Info.Workflow, Engine: r.Info.Engine(), Params: r.Info.Params, Status: r.Status, StartedAt: r.Info.StartedAt.UTC(),
		Tasks: r.Counts.Tasks, Succeeded: r.Counts.Succeeded, Cached: r.Counts.Cached, Failed: r.Counts.Failed, Skipped: r.Counts.Skipped,
		Retried: r.Counts.Retried, MakespanNS: r.MakespanNS(), OutputBytes: r.Counts.OutputBytes,
		Tags: list(r.Annotation.Tags), Note: r.Annotation.Note, Reconstructed: r.Info.Reconstructed,
		Records: newRecordsReport(r.Upload),
	}
	// What happened right before the process died is not recorded.
	j.Records.Complete = j.Records.Complete && r.Status != record.Interrupted
	if damaged := r.Damaged(); damaged != "" {
		j.Records.Complete, j.Records.Problem = false, "damaged: "+damaged
	}
	if o := r.Info.Imported(); o != nil {
		j.Undated, j.Incomplete = o.Undated, o.Incomplete
		j.Records.Complete = j.Records.Complete && o.Incomplete == ""
	}
	if r.Status.Final() {
		j.NotRun = r.Counts.NotRun()
	}
	if r.Info.Reconstructed != "" {
		j.ScheduleNS = &r.Counts.MakespanNS
	}
	if j.Params == nil {
		j.Params = map[string]string{}
	}
	if !r.EndedAt.IsZero() && r.Status.Final() {
		ended := r.EndedAt.UTC()
		j.EndedAt = &ended
	}
	if j.Tasks == 0 {
		j.Tasks = int64(r.Graph.Tasks)
	}
	if e := r.Error; e != nil {
		j.Error = newErrorJSON(e)
	}
	return j
}

// Run prints the list.
func (c *runsCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		queries, err := metricsstore.NewQueries(store)
		if err != nil {
			return err
		}
		found := []runJSON{}
		more := 0
		err = eachRun(ctx, store, func(r *metricsstore.Run) bool {
			if status, err := queries.Status(ctx, r); err == nil { // a damaged log hides no run
				r.Status = status
			}
			switch {
			case !c.matches(r):
			case c.Limit > 0 && len(found) == c.Limit:
				more++
			default:
				found = append(found, newRunJSON(r))
			}
			return c.From.IsZero() || !r.Info.StartedAt.Before(c.From.Time)
		})
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(map[string]any{"runs": found, "more": more})
		}
		return printRuns(s, found, more)
	})
}

func (c *runsCommand) matches(r *metricsstore.Run) bool {
	for _, tag := range c.Tag {
		if !slices.Contains(r.Annotation.Tags, tag) {
			return false
		}
	}
	filter := metricsstore.RunFilter{Workflow: c.Workflow, Engine: c.Engine, From: c.From.Time, To: c.To.Time, Text: c.Search}
	if c.Status != "" {
		filter.Status = []record.Status{c.Status}
	}
	return filter.MatchRun(r)
}

func printRuns(s *session, runs []runJSON, more int) error {
	if len(runs) == 0 {
		_, err := fmt.Fprintf(s.stdout, "There is no such run in %s. Without filters, %s runs lists all; run, demo and import create some.\n", s.where, s.name)
		return err
	}
	columns := []column{left("run"), left("workflow"), s.statusColumn("status"), left("started"), right("tasks"), right("makespan"), left("records"), left("tags")}
	imported := slices.ContainsFunc(runs, func(r runJSON) bool { return r.Engine != record.OwnEngine })
	if imported {
		columns = slices.Insert(columns, 2, left("engine"))
	}
	t := newTable(columns...)
	for i := range runs {
		r := &runs[i]
		makespan := "–"
		if r.MakespanNS > 0 {
			makespan = duration(time.Duration(r.MakespanNS))
		}
		cells := []string{string(r.Run), oneLine(r.Workflow, 40), string(r.Status), r.startText(), count(r.Tasks), makespan, r.recordText(), oneLine(strings.Join(r.Tags, ", "), 40)}
		if imported {
			cells = slices.Insert(cells, 2, oneLine(r.Engine, 24))
		}
		t.add(cells...)
	}
	if err := t.print(s.stdout); err != nil {
		return err
	}
	if more > 0 {
		fmt.Fprintf(s.stdout, "%s of %s shown; --limit 0 shows all\n", count(int64(len(runs))), plural(int64(len(runs)+more), "run"))
	}
	return nil
}

// startText is when the run started, if that is known: a recording may have no date.
func (r *runJSON) startText() string {
	if r.Undated {
		return "undated"
	}
	return moment(r.StartedAt)
}

// recordText describes the kind and the completeness of the record.
func (r *runJSON) recordText() string {
	switch {
	case r.Records.Problem != "":
		return "damaged"
	case r.Incomplete != "":
		return "incomplete"
	case r.Status == record.Interrupted && r.Engine != record.OwnEngine:
		return "without end"
	case r.Status == record.Interrupted:
		return "cut off"
	case r.Reconstructed != "":
		return "reconstructed"
	case !r.Status.Final():
		return "–"
	case r.Records.Complete:
		return "complete"
	default:
		n, of := r.Records.StepsKept+r.Records.DetailsKept, r.Records.Steps+r.Records.Details
		return fmt.Sprintf("%s of %s", count(n), count(of))
	}
}

// periodFlags select runs by the time of their start.
type periodFlags struct {
	From instant `placeholder:"TIME" help:"Only runs that started then or later: 2006-01-02, 2006-01-02T15:04:05Z, or 24h for that long ago."`
	To   instant `placeholder:"TIME" help:"Only runs that started before."`
}

func (p *periodFlags) validate() error {
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To.Time) {
		return fmt.Errorf("--from is %s and --to %s, expected --from to be earlier", moment(p.From.Time), moment(p.To.Time))
	}
	return nil
}

// instant is a moment on the command line.
type instant struct{ time.Time }

// UnmarshalText parses a moment, a day in the local zone, or a duration before now.
func (i *instant) UnmarshalText(text []byte) error {
	s := string(text)
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		i.Time = time.Now().Add(-d)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			i.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is not a time, expected 2006-01-02, 2006-01-02T15:04:05Z, or 24h for that long ago", s)
}
