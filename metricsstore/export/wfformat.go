package export

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// WriteWfFormat writes a run in WfFormat 1.6, the JSON schema of the WfCommons project. The package comment says what
// the format cannot hold. The error is ErrTooLarge above 1,000,000 dependencies between tasks.
func WriteWfFormat(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	return writeWfFormat(ctx, w, q, run, "1.6")
}

// WriteWfFormat15 writes a run in WfFormat 1.5, for programs that do not read 1.6; nothing else differs.
func WriteWfFormat15(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID) error {
	return writeWfFormat(ctx, w, q, run, "1.5")
}

func writeWfFormat(ctx context.Context, w io.Writer, q *metricsstore.Queries, run record.RunID, version string) error {
	r, err := collectWf(ctx, q, run)
	if err != nil {
		return err
	}
	if len(r.tasks) == 0 {
		return fmt.Errorf("%w: run %s has no tasks, and WfFormat has at least one", metricsstore.ErrInvalid, run)
	}
	r.passFiles()
	out := &document{out: bufio.NewWriter(w)}
	out.text("{")
	out.member("name", cmp.Or(strings.TrimPrefix(r.kept.Info.Workflow, "wfformat:"), "run"))
	out.member("description", r.summary())
	if at := r.kept.Info.SubmittedAt; at.After(time.Unix(0, 0)) {
		out.member("createdAt", rfc3339(at))
	}
	out.member("schemaVersion", version)
	out.member("runtimeSystem", r.system())
	out.open("workflow", "{")
	r.specification(out)
	r.execution(out)
	out.text("\n}}\n")
	return errors.Join(out.err, out.out.Flush())
}

// document writes JSON member by member; err is the first error.
type document struct {
	out     *bufio.Writer
	follows bool // something precedes in the object or list
	err     error
}

func (d *document) text(s string) {
	_, _ = d.out.WriteString(s) // a bufio.Writer keeps its error until Flush
	d.follows = s != "" && !strings.HasSuffix(s, "{") && !strings.HasSuffix(s, "[")
}

func (d *document) element(v any) {
	if d.follows {
		d.text(",")
	}
	d.text("\n")
	d.value(v)
}

func (d *document) member(name string, v any) {
	d.open(name, "")
	d.value(v)
}

func (d *document) open(name, bracket string) {
	if d.follows {
		d.text(",")
	}
	d.text("\n" + strconv.Quote(name) + ":" + bracket)
}

func (d *document) value(v any) {
	b, err := json.Marshal(v)
	d.err = errors.Join(d.err, err)
	_, _ = d.out.Write(b)
	d.follows = true
}

// summary says what the run was and what is not in the file.
func (r *wfRun) summary() string {
	ran := 0
	for i := range r.tasks {
		if r.tasks[i].timed() {
			ran++
		}
	}
	text := fmt.Sprintf("run %s, %s; %d of %d tasks have an execution here", r.kept.Info.ID, r.kept.Status, ran, len(r.tasks))
	if r.kept.Info.Reconstructed != "" {
		text += "; the recording has no start times"
	}
	return text
}

type wfSystem struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// system is what executed the run. The schema wants a version; where none is kept it is unknown.
func (r *wfRun) system() wfSystem {
	engine := r.kept.Info.Engine()
	version, _ := strings.CutPrefix(r.kept.Info.Params["runtime_system"], engine)
	return wfSystem{engine, cmp.Or(strings.TrimSpace(version), "unknown")}
}

type wfSpecification struct {
	Name     string   `json:"name"`
	ID       string   `json:"id"`
	Category string   `json:"category"` // as in 1.4; later schemas allow it and do not mention it
	Parents  []string `json:"parents"`
	Children []string `json:"children"`
	Inputs   []string `json:"inputFiles"`
	Outputs  []string `json:"outputFiles"`
}

func (r *wfRun) specification(out *document) {
	names := func(tasks []int32) []string {
		ids := make([]string, len(tasks))
		for i, t := range tasks {
			ids[i] = r.tasks[t].id
		}
		return ids
	}
	files := func(numbers []int32) []string {
		ids := make([]string, len(numbers))
		for i, n := range numbers {
			ids[i] = r.files[n].ID
		}
		return ids
	}
	out.open("specification", "{")
	out.open("tasks", "[")
	for i := range r.tasks {
		t := &r.tasks[i]
		out.element(wfSpecification{t.name, t.id, t.function, names(t.parents), names(t.children), files(t.reads), files(t.writes)})
	}
	out.text("]")
	out.open("files", "[")
	for _, f := range r.files {
		out.element(f)
	}
	out.text("]}")
}

type wfCommand struct {
	Program   string   `json:"program"`
	Arguments []string `json:"arguments,omitempty"`
}

type wfExecution struct {
	ID       string      `json:"id"`
	Runtime  seconds     `json:"runtimeInSeconds"`
	At       string      `json:"executedAt,omitempty"`
	Command  *wfCommand  `json:"command,omitempty"`
	CPU      json.Number `json:"avgCPU,omitempty"`
	Read     *int64      `json:"readBytes,omitempty"`
	Written  *int64      `json:"writtenBytes,omitempty"`
	Memory   *int64      `json:"memoryInBytes,omitempty"`
	Machines []string    `json:"machines,omitempty"`
}

// seconds is a duration, written in seconds without loss.
type seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s seconds) MarshalJSON() ([]byte, error) {
	text := fmt.Sprintf("%d.%09d", s/1e9, s%1e9)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// execution is left out where no task has one, which the schema demands.
func (r *wfRun) execution(out *document) {
	machines := r.machineNames()
	begun := false
	for i := range r.tasks {
		t := &r.tasks[i]
		if !t.timed() {
			continue
		}
		if !begun {
			begun = true
			out.open("execution", "{")
			out.member("makespanInSeconds", seconds(max(r.makespan, 0)))
			out.member("executedAt", rfc3339(r.kept.Info.StartedAt))
			out.open("tasks", "[")
		}
		out.element(r.executed(t, machines))
	}
	if !begun {
		return
	}
	out.text("]")
	opened := false
	for i := range r.workers {
		name := machines[r.workers[i].Worker]
		if name == "" {
			continue
		}
		if !opened {
			opened = true
			out.open("machines", "[")
		}
		out.element(wfMachine{name, map[string]int{"coreCount": max(r.workers[i].Width, 1)}})
	}
	if opened {
		out.text("]")
	}
	out.text("}")
}

type wfMachine struct {
	Name string         `json:"nodeName"`
	CPU  map[string]int `json:"cpu"`
}

// machineNames names the machines of workers, each differently. An imported run has a worker called unknown where its
// recording names none.
func (r *wfRun) machineNames() map[int]string {
	names, taken := map[int]string{}, map[string]bool{}
	for i := range r.workers {
		w := &r.workers[i]
		if w.Name == "unknown" && r.kept.Info.Imported() != nil {
			continue
		}
		own := cmp.Or(w.Name, w.Host, "worker")
		name := own
		for n := 2; taken[name]; n++ {
			name = own + "-" + strconv.Itoa(n)
		}
		names[w.Worker], taken[name] = name, true
	}
	return names
}

func (r *wfRun) executed(t *wfTask, machines map[int]string) wfExecution {
	e := wfExecution{ID: t.id, Runtime: seconds(t.runtime)}
	if r.kept.Info.Reconstructed == "" { // else the schedule is made up
		e.At = rfc3339(t.started)
	}
	if name := machines[t.worker]; name != "" {
		e.Machines = []string{name}
	}
	if program, arguments, _ := strings.Cut(t.command, " "); program != "" {
		e.Command = &wfCommand{Program: program}
		if arguments != "" {
			e.Command.Arguments = split(arguments)
		}
	}
	if u := t.usage; u != nil {
		known := func(n int64) *int64 {
			if n < 0 {
				return nil
			}
			return &n
		}
		e.Read, e.Written, e.Memory = known(u.ReadBytes), known(u.WrittenBytes), known(u.MemoryBytes)
		if u.CPU >= 0 && t.runtime > 0 {
			e.CPU = json.Number(strconv.FormatFloat(100*float64(u.CPU)/float64(t.runtime), 'g', -1, 64))
		}
	}
	return e
}

// split takes arguments apart at spaces; where something is quoted, it leaves them in one.
func split(arguments string) []string {
	parts := strings.Fields(arguments)
	if strings.ContainsAny(arguments, "\"'\\") || strings.Join(parts, " ") != arguments {
		return []string{arguments}
	}
	return parts
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
