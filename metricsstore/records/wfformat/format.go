package wfformat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore/records"
)

type format struct{}

// New returns the reader of WfFormat.
func New() records.Format { return format{} }

func (format) Name() string  { return "wfformat" }
func (format) Title() string { return "WfFormat" }

// version is the member that every version of the format has; its value begins with 1 in all of them.
var version = regexp.MustCompile(`"schemaVersion"\s*:\s*"?1\.`)

// Sniff recognises the version, or the shape of what surrounds it, as it may follow at the end.
func (format) Sniff(_ string, head []byte) records.Part {
	text := bytes.TrimLeft(head, " \t\r\n")
	has := func(member string) bool { return bytes.Contains(text, []byte(`"`+member+`"`)) }
	switch {
	case !bytes.HasPrefix(text, []byte("{")):
		return records.Foreign
	case version.Match(text), has("workflow") && has("tasks") && (has("specification") || has("runtimeInSeconds")):
		return records.Main
	}
	return records.Foreign
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, read)
}

func read(f *records.File) (*records.Run, error) {
	content, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	in, err := wfformat.Parse(content)
	switch {
	case errors.Is(err, wfformat.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", records.ErrTooLarge, err)
	case errors.Is(err, wfformat.ErrInvalid):
		return nil, fmt.Errorf("%w: %w", records.ErrFormat, err)
	case err != nil:
		return nil, err
	}
	return runOf(in)
}

// runOf says what an instance tells.
func runOf(in *wfformat.Instance) (*records.Run, error) {
	run := records.NewRun(in.RuntimeSystem, "WfFormat "+in.SchemaVersion)
	run.System, _, _ = strings.Cut(in.RuntimeSystem, " ")
	run.Workflow = "wfformat:" + title(in)
	run.Params = map[string]string{"schema": in.SchemaVersion}
	if in.RuntimeSystem != "" {
		run.Params["runtime_system"] = in.RuntimeSystem
	}
	run.Started, run.Date, run.Makespan = records.At(in.ExecutedAt), records.At(in.CreatedAt), in.Makespan
	run.Status = record.Succeeded // recordings are of executions that ended well
	for _, m := range in.Machines {
		run.Workers[run.AddWorker(m.Name)].Cores = m.Cores
	}
	flows, timed := newFlows(in), 0
	run.Tasks = make([]records.Task, len(in.Tasks))
	for i := range in.Tasks {
		run.Tasks[i] = taskOf(in, flows, i)
		if in.Tasks[i].Timed {
			timed++
		}
	}
	if timed == 0 {
		return nil, fmt.Errorf("%w: %w: %s has no runtimes, expected workflow.execution with some", records.ErrFormat, wfformat.ErrInvalid, title(in))
	}
	return run, nil
}

// title is the recording's own name.
func title(in *wfformat.Instance) string {
	if in.Name == "" {
		return "recording"
	}
	return record.FunctionName(in.Name)
}

func taskOf(in *wfformat.Instance, flows *flows, i int) records.Task {
	t := &in.Tasks[i]
	out := records.NewTask(t.ID)
	out.Name, out.Function, out.Command, out.Parents, out.Cores = t.Name, t.Category, t.Command, t.Parents, t.Cores
	out.Inputs, out.ResultBytes = flows.inputs(i), flows.results(i)
	out.OutputBytes = in.OutputBytes(i)
	a := records.NewAttempt()
	a.Outcome, a.Worker, a.Started = record.OutcomeOK, t.Machine, records.At(t.ExecutedAt)
	if t.Timed {
		a.Runtime = t.Runtime
	}
	a.Usage = records.NewUsage()
	a.Usage.MemoryBytes, a.Usage.ReadBytes, a.Usage.WrittenBytes = t.MemoryBytes, t.ReadBytes, t.WrittenBytes
	if t.CPU >= 0 && t.Timed {
		a.Usage.CPU = scaled(t.Runtime, t.CPU)
	}
	out.Attempts = []records.Attempt{a}
	return out
}

// scaled is a runtime times the use of processors, limited to the largest Duration.
func scaled(d time.Duration, by float64) time.Duration {
	return time.Duration(min(math.Round(float64(d)*by), math.MaxInt64/2))
}
