package nextflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string  { return "nextflow" }
func (format) Title() string { return "Nextflow trace or report" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	switch kindOf(head) {
	case table, tower, weblog, report:
		return records.Main
	case dot, mermaid:
		return records.Companion
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var lists []*listing
	var graphs []*graph
	var faults []error
	for i := range files {
		f := &files[i]
		var err error
		var read []*listing
		switch k, fault := sniffFile(f); {
		case fault != nil:
			err = fault
		case k == table:
			read, err = readTable(ctx, f)
		case k == tower:
			read, err = readTower(ctx, f, lists)
		case k == weblog:
			read, err = readWeblog(ctx, f)
		case k == report:
			read, err = readReport(ctx, f)
		case k == dot || k == mermaid:
			var g *graph
			if g, err = readGraph(f, k); err == nil {
				graphs = append(graphs, g)
			}
		default:
			err = &records.Fault{Path: f.Path, Byte: -1, Text: "expected a Nextflow trace, a report, tasks in JSON, weblog messages or a graph"}
		}
		lists = append(lists, read...)
		if err != nil {
			if ctx.Err() != nil || !errors.Is(err, records.ErrFormat) {
				return nil, err
			}
			faults = append(faults, err)
		}
	}
	if len(lists) == 0 {
		return nil, errors.Join(append(faults, fmt.Errorf("%w: no file has a task of Nextflow", records.ErrFormat))...)
	}
	return runsOf(dropRepeated(lists), graphs, faults), nil
}

// runsOf makes a run of each listing. What is wrong with other files of the drop is noted in all of them.
func runsOf(lists []*listing, graphs []*graph, faults []error) []*records.Run {
	used := map[*graph]bool{}
	runs := make([]*records.Run, 0, len(lists))
	for _, l := range lists {
		g := bestGraph(l, graphs)
		used[g] = true
		run := l.run(g)
		run.Path = l.path
		runs = append(runs, run)
	}
	for _, r := range runs {
		for _, g := range graphs {
			if !used[g] {
				r.Notes.LeftOut(1, "graphs have processes of other workflows")
			}
		}
		for _, err := range faults {
			r.Notes.Remark("left out", "a file could not be read: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return runs
}

func sniffFile(f *records.File) (kind, error) {
	in, err := f.Open()
	if err != nil {
		return foreign, err
	}
	defer in.Close()
	head := make([]byte, 64<<10)
	n, err := readFull(in, head)
	return kindOf(head[:n]), err
}
