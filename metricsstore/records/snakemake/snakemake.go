package snakemake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "snakemake" }
func (format) Title() string { return "Snakemake messages, log, metadata, stats or benchmark" }

// kind is what a file contains.
type kind uint8

const (
	foreign kind = iota
	logText
	oneMetadata
	allMetadata
	stats
	benchmark
	dag
	messages
)

// headSize is how much of a file shows what it is.
const headSize = 64 << 10

var (
	logLine = regexp.MustCompile(`(?m)^(Building DAG of jobs\.\.\.|Select jobs to execute\.\.\.|Job stats:|Job counts:|Rules claiming more threads will be scaled down\.)\r?$`)
	ownHead = regexp.MustCompile(`(?m)^SNAKEMAKE\r?\n=+\r?\n`)
	jobHead = regexp.MustCompile(`(?m)^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]\r?\n(local)?(rule|checkpoint) \S+:\r?\n(    \w+: .*\r?\n)*    jobid: \d+`)
)

func kindOf(head []byte) kind {
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case messageHead.Match(text):
		return messages
	case bytes.HasPrefix(text, []byte("{")):
		return kindOfJSON(text)
	case bytes.HasPrefix(text, []byte("digraph snakemake_dag")):
		return dag
	case bytes.HasPrefix(text, []byte("s\th:m:s\tmax_rss")):
		return benchmark
	case logLine.Match(text) || ownHead.Match(text) || jobHead.Match(text):
		return logText
	}
	return foreign
}

func kindOfJSON(text []byte) kind {
	has := func(names ...string) bool { return document.Names(text, names...) }
	switch {
	case has("total_runtime", "rules", "mean-runtime") || has("start-time", "stop-time", "duration", "priority"):
		return stats
	case !has("rule", "input", "starttime", "endtime", "incomplete"):
		return foreign
	case oneRecord.Match(text):
		return oneMetadata
	}
	return allMetadata
}

// oneRecord matches a record of one output, whose first member is not another object.
var oneRecord = regexp.MustCompile(`^\{\s*"[^"]*"\s*:\s*[^{\s]`)

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	switch kindOf(head) {
	case foreign:
		return records.Foreign
	case dag:
		return records.Companion
	}
	return records.Main
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	d := &drop{}
	var faults []error
	for i := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := d.read(ctx, &files[i])
		switch {
		case err == nil:
		case errors.Is(err, records.ErrFormat):
			faults = append(faults, err)
			d.notes.Remark(record.NoteLeftOut, "a file could not be read: %s", err)
		default:
			return nil, err
		}
	}
	runs, err := d.runs()
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, errors.Join(append(faults, fmt.Errorf("%w: no file has a job of Snakemake", records.ErrFormat))...)
	}
	return runs, nil
}

// read reads a file into the drop.
func (d *drop) read(ctx context.Context, f *records.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	all := io.MultiReader(bytes.NewReader(head[:n]), in)
	switch kindOf(head[:n]) {
	case logText:
		return d.readLog(ctx, f.Path, all)
	case messages:
		return d.readMessages(ctx, f.Path, all)
	case oneMetadata:
		return d.readRecord(f.Path, all)
	case allMetadata:
		return d.readRecords(f.Path, all)
	case stats:
		return d.readStats(f.Path, all)
	case benchmark:
		return d.readBenchmark(f.Path, all)
	case dag:
		return d.readGraph(f.Path, all)
	}
	return &records.Fault{Path: f.Path, Byte: -1, Text: "expected messages or a log of Snakemake, metadata of outputs, statistics, a benchmark or a graph"}
}

// runs makes the runs: one of each log and of the messages of a run, one of each file of statistics, one of all metadata, and one of the benchmarks
// of which no log knows the jobs.
func (d *drop) runs() ([]*records.Run, error) {
	all := d.sheets
	if len(d.outputs) > 0 {
		all = append(all, d.metadata())
	}
	for _, s := range all {
		d.attachBenchmarks(s)
		if s.log {
			d.attachGraphs(s)
		}
	}
	var runs []*records.Run
	for _, s := range all {
		if s.stats {
			d.explain(s)
		}
		if len(s.jobs) > records.MaxTasks {
			return nil, fmt.Errorf("%w: more than %d jobs", records.ErrTooLarge, records.MaxTasks)
		}
		runs = append(runs, s.run())
	}
	if r := d.benchmarkRun(len(runs) > 0); r != nil {
		runs = append(runs, r)
	}
	for _, r := range runs {
		for _, n := range d.notes {
			r.Notes.Add(n.Kind, n.Count, n.Text)
		}
		if len(runs) > 1 {
			r.Notes.Remark(record.NoteRecorded, "other records next to this one are runs of their own, perhaps of the same invocation")
		}
	}
	return runs, nil
}
