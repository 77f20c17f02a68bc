package toil

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads statistics. It has no state.
type format struct{}

// New is the format of the statistics of Toil.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "toil" }

// Title implements records.Format.
func (format) Title() string { return "Toil statistics (toil stats --raw)" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] != '{' {
		return records.Foreign
	}
	for _, mark := range []string{`"total_run_time"`, `"batch_system"`, `"total_clock"`} {
		if !bytes.Contains(head, []byte(mark)) {
			return records.Foreign
		}
	}
	return records.Main
}

// maxJobs bounds the tasks that one file makes.
const maxJobs = 250_000

// statistics are those of jobs of one type. Times are seconds, memory is KiB.
type statistics struct {
	Number    float64  `json:"total_number"`
	Time      float64  `json:"total_time"`
	MinTime   float64  `json:"min_time"`
	MaxTime   float64  `json:"max_time"`
	Clock     *float64 `json:"total_clock"`
	Memory    *float64 `json:"total_memory"`
	MaxMemory *float64 `json:"max_memory"`
	Cores     float64  `json:"total_cores"`
}

// document is what toil stats --raw writes. Sizes are texts or numbers.
type document struct {
	RunTime     float64               `json:"total_run_time"`
	BatchSystem string                `json:"batch_system"`
	Memory      any                   `json:"default_memory"`
	Cores       any                   `json:"default_cores"`
	Worker      statistics            `json:"worker"`
	Types       map[string]statistics `json:"job_types"`
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, readFile)
}

func readFile(f *records.File) (*records.Run, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		fault := &records.Fault{Path: f.Path, Byte: int64(len(content)), Text: err.Error() + ", expected one object as toil stats --raw writes it"}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			fault.Byte = syntax.Offset
		}
		return nil, fault
	}
	if len(d.Types) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no job_types, expected statistics of at least one type of jobs"}
	}
	r := records.NewRun("Toil", "toil stats")
	r.Undated = true
	base := path.Base(f.Path)
	r.Workflow = strings.TrimSuffix(base, path.Ext(base))
	r.Makespan = max(0, duration(d.RunTime))
	r.Params = map[string]string{"batch system": d.BatchSystem, "default memory": fmt.Sprint(d.Memory), "default cores": fmt.Sprint(d.Cores)}
	if d.Worker.Number > 0 {
		r.Params["workers"] = fmt.Sprintf("%.0f for %s together", d.Worker.Number, duration(d.Worker.Time))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Types)) {
		s := d.Types[name]
		if !(s.Number >= 0 && s.Number <= maxJobs) || len(r.Tasks)+int(s.Number) > maxJobs {
			return nil, fmt.Errorf("%s: %w: more than %d jobs", f.Path, records.ErrTooLarge, maxJobs)
		}
		addType(r, name, &s)
	}
	if len(r.Tasks) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no jobs, expected at least one"}
	}
	r.Notes.Inferred(len(r.Tasks), "jobs are taken as succeeded, because statistics do not say more")
	r.Notes.Remark(record.NoteLeftOut, "statistics of Toil have no moments, dependencies and machines")
	return r, nil
}

// duration is a number of seconds, -1 ns if it cannot be one.
func duration(seconds float64) time.Duration {
	if !(seconds >= 0 && seconds < 9e9) {
		return -1
	}
	return time.Duration(math.Round(seconds * 1e9))
}

// addType adds the jobs of one type.
func addType(r *records.Run, name string, s *statistics) {
	n := int(s.Number)
	runtimes := split(n, duration(s.Time), duration(s.MinTime), duration(s.MaxTime))
	if n > 2 {
		r.Notes.Inferred(n-2, "jobs have a share of the time of all jobs of their type, whose own times are not recorded")
	}
	clock, memory := time.Duration(-1), int64(-1)
	if s.Clock != nil {
		clock = duration(*s.Clock)
	}
	if n == 1 && s.Memory != nil && *s.Memory >= 0 && *s.Memory < 1<<43 {
		memory = int64(*s.Memory * 1024)
	}
	if n > 1 && clock >= 0 {
		r.Notes.Inferred(n, "jobs have a share of the CPU time of all jobs of their type")
	}
	for i, runtime := range runtimes {
		id := name
		if n > 1 {
			id = fmt.Sprintf("%s %d", name, i+1)
		}
		task := records.NewTask(id)
		task.Function = name
		if cores := s.Cores / s.Number; cores >= 1 && cores < 1<<20 {
			task.Cores = int(cores)
		}
		a := records.NewAttempt()
		a.Runtime, a.Outcome = runtime, record.OutcomeOK
		if clock >= 0 || memory >= 0 {
			a.Usage = records.NewUsage()
			a.Usage.MemoryBytes = memory
			if a.Usage.CPU = clock; clock > 0 {
				a.Usage.CPU = clock / time.Duration(n)
			}
		}
		if n > 1 && s.MaxMemory != nil {
			a.Log = fmt.Sprintf("one of %d jobs of its type, of which one had the most memory, %.0f KiB", n, *s.MaxMemory)
		}
		task.Attempts = []records.Attempt{a}
		r.Tasks = append(r.Tasks, task)
	}
}

// split makes n durations of a total, of which the first is the shortest and the last the longest.
func split(n int, total, shortest, longest time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	switch {
	case n == 0:
		return nil
	case n == 1 || total < 0 || shortest < 0 || longest < shortest:
		for i := range all {
			if all[i] = total; total >= 0 {
				all[i] /= time.Duration(n)
			}
		}
		return all
	case n == 2:
		return append(all[:0], shortest, longest)
	}
	rest := max(0, total-shortest-longest) / time.Duration(n-2)
	for i := range all {
		all[i] = rest
	}
	all[0], all[n-1] = shortest, longest
	return all
}
