package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
)

// dashboard is the built program, its data, and the service on it once it is served.
type dashboard struct {
	*process.Service        // nil before serve
	dir              string // of the program and its data, removed at the end
	program          string
}

// build makes the program from the sources of this checkout, with the dashboard that is built there.
func build(ctx context.Context) (*dashboard, error) {
	source, err := process.Source(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dagscope-bench-screen")
	if err != nil {
		return nil, err
	}
	d := &dashboard{dir: dir, program: filepath.Join(dir, "dagscope")}
	if err := process.Build(ctx, source, d.program); err != nil {
		return nil, errors.Join(err, d.end())
	}
	return d, nil
}

func (d *dashboard) data() string { return filepath.Join(d.dir, "data") }

// take imports a file, while the service is not under way.
func (d *dashboard) take(ctx context.Context, file string) error {
	return process.Command(ctx, ".", d.program, "import", "--data", d.data(), file)
}

func (d *dashboard) serve(ctx context.Context) (err error) {
	d.Service, err = process.Serve(ctx, d.program, d.data())
	return err
}

// end ends the service and removes what it wrote.
func (d *dashboard) end() error {
	var err error
	if d.Service != nil {
		err = d.Stop()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// summary is what matters here of a run.
type summary struct {
	Run      string
	Workflow string
	Started  time.Time `json:"started_at"`
	Tasks    struct{ Total int }
	Edges    int
	Makespan time.Duration `json:"makespan_ns"`
}

func (d *dashboard) submit(ctx context.Context, workflow string, params map[string]string) (summary, error) {
	var s summary
	return s, d.Ask(ctx, "/runs", map[string]any{"workflow": workflow, "params": params}, &s)
}

// page is the address of a run's page.
func (d *dashboard) page(s summary) string { return d.URL + "/runs/" + s.Run }

// attempt is when things happened to a task, in ns since the run started.
type attempt struct {
	Node    int
	Ready   int64 `json:"ready_ns"`
	Started int64 `json:"started_ns"`
	Updated int64 `json:"updated_ns"`
}

// attempts are all of a run, which has to be over.
func (d *dashboard) attempts(ctx context.Context, run string) ([]attempt, error) {
	var all []attempt
	query := url.Values{"limit": {"1000"}}
	for {
		var some struct {
			Tasks []attempt
			Next  string
		}
		if err := d.Ask(ctx, "/runs/"+run+"/tasks?"+query.Encode(), nil, &some); err != nil {
			return nil, err
		}
		all = append(all, some.Tasks...)
		if some.Next == "" {
			return all, nil
		}
		query.Set("cursor", some.Next)
	}
}
