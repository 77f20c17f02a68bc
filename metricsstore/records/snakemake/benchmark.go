package snakemake

import (
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

func (d *drop) readBenchmark(path string, in io.Reader) error {
	b := benchmarkFile{path: path}
	text := lines.New(in, maxLine)
	var columns []string
	var odd lines.Odd
	for text.Next() {
		cells := strings.Split(string(text.Bytes()), "\t")
		switch {
		case columns == nil:
			columns = cells
		case !text.Ended():
			b.incomplete = fmt.Sprintf("%s ends in the middle of line %d", path, text.Number())
		case len(cells) != len(columns):
			odd.Add(text.Number())
		case len(b.rows) >= records.MaxTasks:
			return fmt.Errorf("%w: %s: more than %d lines", records.ErrTooLarge, path, records.MaxTasks)
		default:
			b.rows = append(b.rows, repetitionOf(columns, cells))
		}
	}
	if err := text.Err(); err != nil {
		return err
	}
	if len(b.rows) == 0 {
		return &records.Fault{Path: path, Line: max(text.Number(), 1), Byte: -1, Text: "expected lines of a benchmark below the header"}
	}
	d.notes.LeftOut(odd.Count, odd.Text("lines of benchmarks have another number of columns than the header"))
	d.benchmarks = append(d.benchmarks, b)
	return nil
}

// repetitionOf reads a line: seconds, and megabytes of 1024 * 1024 bytes. A job that is too short has "NA" or "-".
func repetitionOf(columns, cells []string) repetition {
	r := repetition{length: -1, usage: records.NewUsage()}
	for i, column := range columns {
		value, err := strconv.ParseFloat(cells[i], 64)
		if err != nil || math.IsNaN(value) || value < 0 || value > 1e12 {
			if column != "h:m:s" && cells[i] != "NA" && cells[i] != "-" && cells[i] != "" {
				r.log = bounded.Lines(r.log, column+" "+cells[i])
			}
			continue
		}
		switch column {
		case "s":
			r.length = durationOf(value)
		case "max_rss":
			r.usage.MemoryBytes = int64(value * (1 << 20))
		case "io_in":
			r.usage.ReadBytes = int64(value * (1 << 20))
		case "io_out":
			r.usage.WrittenBytes = int64(value * (1 << 20))
		case "cpu_time":
			r.usage.CPU = durationOf(value)
		default:
			r.log = bounded.Lines(r.log, column+" "+cells[i])
		}
	}
	if *r.usage == *records.NewUsage() {
		r.usage = nil
	}
	return r
}

// attachBenchmarks gives the jobs of a log what they used, by the path of their benchmark.
func (d *drop) attachBenchmarks(s *sheet) {
	byPath := map[string][]*job{}
	for _, j := range s.jobs {
		if j.benchmark != "" {
			byPath[j.benchmark] = append(byPath[j.benchmark], j)
		}
	}
	for i := range d.benchmarks {
		b := &d.benchmarks[i]
		fits, more := byPath[b.path], true
		for end := b.path; len(fits) == 0 && more; fits = byPath[end] {
			_, end, more = strings.Cut(end, "/")
		}
		if len(fits) != 1 || len(fits[0].attempts) == 0 {
			continue
		}
		b.used = true
		a := &fits[0].attempts[len(fits[0].attempts)-1]
		a.Usage = b.total()
		for n, r := range b.rows {
			if r.length >= 0 {
				a.Log = bounded.Lines(a.Log, fmt.Sprintf("benchmark %d of %d: %v", n+1, len(b.rows), r.length))
			}
			a.Log = bounded.Lines(a.Log, r.log)
		}
		s.notes.Recorded(1, "jobs have a benchmark, perhaps of another invocation: it is found by its path")
	}
}

// total is the greatest memory and the sum of the rest.
func (b *benchmarkFile) total() *record.Usage {
	var sum *record.Usage
	add := func(to *int64, n int64) {
		if n >= 0 && *to <= math.MaxInt64-n {
			*to = max(*to, 0) + n
		}
	}
	for _, r := range b.rows {
		if r.usage == nil {
			continue
		}
		if sum == nil {
			sum = records.NewUsage()
		}
		sum.MemoryBytes = max(sum.MemoryBytes, r.usage.MemoryBytes)
		add(&sum.ReadBytes, r.usage.ReadBytes)
		add(&sum.WrittenBytes, r.usage.WrittenBytes)
		add((*int64)(&sum.CPU), int64(r.usage.CPU))
	}
	return sum
}

// benchmarkRun makes a run of the benchmarks that belong to no log: a task for each line, one after the other in each
// file. others: there are other runs.
func (d *drop) benchmarkRun(others bool) *records.Run {
	r := records.NewRun(System, "Snakemake benchmark")
	r.Undated = true
	r.Workflow = "benchmarks"
	for i := range d.benchmarks {
		b := &d.benchmarks[i]
		if b.used {
			continue
		}
		r.Incomplete = bounded.Lines(r.Incomplete, b.incomplete)
		name := strings.TrimSuffix(path.Base(b.path), path.Ext(b.path))
		for n, row := range b.rows {
			t := records.NewTask(b.path)
			if len(b.rows) > 1 {
				t.ID = fmt.Sprintf("%s, %d of %d", b.path, n+1, len(b.rows))
			}
			t.Name, t.Function = name, name
			a := records.NewAttempt()
			a.Outcome, a.Runtime, a.Usage, a.Log = record.OutcomeOK, row.length, row.usage, row.log
			t.Attempts = []records.Attempt{a}
			if n > 0 {
				t.Parents = []int32{int32(len(r.Tasks) - 1)}
				r.Notes.Inferred(1, "repetitions ran one after the other")
			}
			r.Tasks = append(r.Tasks, t)
		}
	}
	if len(r.Tasks) == 0 {
		return nil
	}
	r.Notes.Remark(record.NoteRecorded, "benchmarks have durations and no moments")
	if others {
		r.Notes.Remark(record.NoteLeftOut, "no log next to the benchmarks has jobs with their paths")
	}
	return r
}
