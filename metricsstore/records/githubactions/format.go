package githubactions

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/manifest"
)

type format struct{}

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "github-actions" }

// Title implements records.Format.
func (format) Title() string { return "GitHub Actions jobs" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	has := func(words ...string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !bytes.Contains(head, []byte(w)) })
	}
	start := bytes.TrimLeft(head, " \t\r\n")
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		switch {
		case has(`"jobs"`, `"run_id"`, `"conclusion"`, `"status"`), has(`"jobs"`, `"databaseId"`, `"conclusion"`, `"startedAt"`):
			return records.Main
		case has(`"run_started_at"`, `"workflow_id"`, `"run_attempt"`):
			return records.Companion
		}
		return records.Foreign
	}
	if workflowFile.Match(head) && jobsOfFile.Match(head) && (has("runs-on:") || has("uses:")) {
		return records.Companion
	}
	return records.Foreign
}

// Keys at the beginning of a line that a workflow file has.
var (
	workflowFile = regexp.MustCompile(`(?m)^["']?on["']?:`)
	jobsOfFile   = regexp.MustCompile(`(?m)^jobs:`)
)

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	d := &drop{runs: map[[2]int64]*attempt{}}
	for i := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.readFile(&files[i]); err != nil {
			return nil, err
		}
	}
	var runs []*records.Run
	for _, key := range d.order {
		if len(d.runs[key].jobs) == 0 {
			continue // it was only described
		}
		run, err := d.build(d.runs[key])
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return nil, records.Nothing(files, "no jobs, expected an answer of GET …/actions/runs/ID/jobs with some")
	}
	return runs, nil
}

// drop is what all files say together.
type drop struct {
	order     [][2]int64 // IDs of runs and numbers of their attempts
	runs      map[[2]int64]*attempt
	workflows []*workflow
}

// attempt is one attempt of a workflow run.
type attempt struct {
	id, number int64
	path       string // of the first file
	jobs       []job
	seen       map[int64]bool
	total      int64 // that a list of jobs states, of all attempts that it has
	about      about
}

func (d *drop) readFile(f *records.File) error {
	objects, err := manifest.Read(f)
	if err != nil {
		return err
	}
	for i := range objects {
		o := &objects[i]
		if o.YAML {
			w, err := readWorkflow(o, f.Path)
			if err != nil {
				return err
			}
			d.workflows = append(d.workflows, w)
			continue
		}
		var a answer
		if err := o.Decode(&a); err != nil {
			return err
		}
		d.addAnswer(f, &a)
	}
	return nil
}

func (d *drop) addAnswer(f *records.File, a *answer) {
	if a.isRun() {
		d.attempt(f, a.id(), a.attempt()).about = a.about
	}
	for i := range a.Jobs {
		j := &a.Jobs[i]
		j.RunID = cmp.Or(j.RunID, a.id())
		j.Attempt = max(j.Attempt, 1)
		if a.isRun() {
			j.Attempt = a.attempt()
		}
		r := d.attempt(f, j.RunID, j.Attempt)
		r.total = max(r.total, a.Total)
		if id := j.id(); id == 0 || !r.seen[id] {
			r.seen[id] = true
			r.jobs = append(r.jobs, *j)
		}
	}
}

func (d *drop) attempt(f *records.File, id, number int64) *attempt {
	key := [2]int64{id, number}
	if d.runs[key] == nil {
		d.runs[key] = &attempt{id: id, number: number, path: f.Path, seen: map[int64]bool{}}
		d.order = append(d.order, key)
	}
	return d.runs[key]
}

// found is how many jobs of a run all files have, of all its attempts.
func (d *drop) found(id int64) (n int64) {
	for key, r := range d.runs {
		if key[0] == id {
			n += int64(len(r.jobs))
		}
	}
	return n
}

// build makes a run of an attempt.
func (d *drop) build(a *attempt) (*records.Run, error) {
	b := newBuilder(a, d.workflows)
	if err := b.addJobs(); err != nil {
		return nil, err
	}
	if n := a.total - d.found(a.id); n > 0 {
		b.run.Incomplete = fmt.Sprintf("the list is a page: %d of %d jobs are not in the files", n, a.total)
	}
	b.finish()
	return b.run, nil
}
