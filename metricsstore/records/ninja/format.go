package ninja

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// New returns the format of ninja's logs and graphs.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "ninja" }
func (format) Title() string { return "ninja build log" }

// signature is what the first line of a log starts with; a version follows.
const signature = "# ninja log v"

// graphSignature is the first line of a graph.
const graphSignature = "digraph ninja {"

func (format) Sniff(_ string, head []byte) records.Part {
	if rest, ok := bytes.CutPrefix(head, []byte(signature)); ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		return records.Main
	}
	if bytes.HasPrefix(head, []byte(graphSignature)) {
		return records.Companion
	}
	return records.Foreign
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var graphs []*graph
	for i := range files {
		if files[i].Part != records.Companion {
			continue
		}
		g, err := readGraph(ctx, &files[i])
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, g)
	}
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		l, err := readLog(ctx, &files[i])
		if err != nil {
			return nil, err
		}
		g := pick(graphs, l)
		all := l.runs(g)
		for k, one := range all {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			r := l.run(one, g)
			if len(all) > 1 { // they have one name, by which they are compared
				r.Notes.Remark(record.NoteRecorded, "this is run %d of %d in the log", k+1, len(all))
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// pick returns the graph that names most outputs of a log, nil if none names half of them: it is then that of other
// build files.
func pick(graphs []*graph, l *log) *graph {
	var best *graph
	most := 0
	for _, g := range graphs {
		n := 0
		for i := range l.lines {
			if g.producer(l.lines[i].output) != none {
				n++
			}
		}
		if n > most && 2*n >= len(l.lines) {
			best, most = g, n
		}
	}
	return best
}

// workflow is the name of the folder that a log is in, or that of the file if it was renamed.
func workflow(f *records.File) string {
	base := strings.TrimSuffix(f.Base(), ".ninja_log")
	if base != "" {
		return base
	}
	if dir := path.Base(path.Dir(f.Path)); dir != "." && dir != "/" {
		return dir
	}
	return "ninja"
}

// fault is an error about one line of a file.
func fault(f *records.File, line int, text string, args ...any) error {
	return &records.Fault{Path: f.Path, Line: line, Byte: -1, Text: fmt.Sprintf(text, args...)}
}
