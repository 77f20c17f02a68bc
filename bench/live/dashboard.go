package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// dashboard is the built program under way as dagscope serve, and a client of it.
type dashboard struct {
	dir     string // of the program and its data, removed at the end
	program string
	process *exec.Cmd
	url     string // without a slash at its end
}

// build makes the program from the sources of this checkout, with the dashboard that is built there.
func build(ctx context.Context) (*dashboard, error) {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dagscope/dagscope").Output()
	if err != nil {
		return nil, fmt.Errorf("expected to be started in bench: %w", err)
	}
	dir, err := os.MkdirTemp("", "dagscope-bench-screen")
	if err != nil {
		return nil, err
	}
	d := &dashboard{dir: dir, program: filepath.Join(dir, "dagscope")}
	c := exec.CommandContext(ctx, "go", "build", "-C", strings.TrimSpace(string(module)), "-o", d.program, "./cmd/dagscope")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("go build: %w", err), d.end())
	}
	return d, nil
}

// take imports a file, while the service is not under way.
func (d *dashboard) take(ctx context.Context, file string) error {
	c := exec.CommandContext(ctx, d.program, "import", "--data", d.dir+"/data", file)
	c.Stderr = os.Stderr
	return c.Run()
}

// serve starts the service, and reads the address that it prints.
func (d *dashboard) serve(ctx context.Context) error {
	d.process = exec.CommandContext(ctx, d.program, "serve", "--data", d.dir+"/data", "--addr", "127.0.0.1:0")
	var log bytes.Buffer
	d.process.Stderr = &log
	out, err := d.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.process.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), ": ")
	if err != nil || !found {
		return fmt.Errorf("expected the address of the service, got %q: %s", line, log.String())
	}
	d.url = strings.TrimSuffix(address, "/")
	return nil
}

// end ends the service and removes what it wrote.
func (d *dashboard) end() error {
	var err error
	if d.process != nil && d.process.Process != nil {
		_ = d.process.Process.Signal(syscall.SIGTERM) // Wait tells how it ended
		err = d.process.Wait()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// ask sends a request of the API; a body of nil makes it a GET.
func (d *dashboard) ask(ctx context.Context, path string, body, into any) error {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, content = http.MethodPost, bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, d.url+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		text, _ := io.ReadAll(response.Body) // the status says enough
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, text)
	}
	return json.NewDecoder(response.Body).Decode(into)
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
	return s, d.ask(ctx, "/runs", map[string]any{"workflow": workflow, "params": params}, &s)
}

// page is the address of a run's page.
func (d *dashboard) page(s summary) string { return d.url + "/runs/" + s.Run }

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
		if err := d.ask(ctx, "/runs/"+run+"/tasks?"+query.Encode(), nil, &some); err != nil {
			return nil, err
		}
		all = append(all, some.Tasks...)
		if some.Next == "" {
			return all, nil
		}
		query.Set("cursor", some.Next)
	}
}
