package pegasus

import (
	"bytes"
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads records of DAGMan. It has no state.
type format struct{}

// New is the format of records of Pegasus and DAGMan.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "pegasus" }

// Title implements records.Format.
func (format) Title() string { return "Pegasus and HTCondor DAGMan" }

var (
	jobstateLine = regexp.MustCompile(`^\d{9,11} (INTERNAL \*\*\* (MONITORD|DAGMAN)_\w+|\S+ [A-Z_]{6,} \S+ \S+ \S+ \d+\s*$)`)
	dagmanLine   = regexp.MustCompile(`^\d\d/\d\d/\d\d \d\d:\d\d:\d\d `)
	dagLine      = regexp.MustCompile(`(?im)^\s*(JOB\s+\S+\s+\S+|SUBDAG\s+EXTERNAL\s+\S+\s+\S+)`)
	dagKeyword   = regexp.MustCompile(`(?i)^\s*(#|$|(JOB|DATA|SUBDAG|SPLICE|FINAL|PROVISIONER|SERVICE|PARENT|SCRIPT|PRIORITY|RETRY|VARS|CATEGORY|` +
		`MAXJOBS|CONFIG|ABORT-DAG-ON|DOT|NODE_STATUS_FILE|JOBSTATE_LOG|REJECT|DONE|INCLUDE|SET_JOB_ATTR|SUBMIT-DESCRIPTION|PRE_SKIP|CONNECT|PIN_IN|PIN_OUT|ENV)\b)`)
)

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	switch {
	case jobstateLine.Match(first):
		return records.Main
	case dagmanLine.Match(first) && bytes.Contains(head, []byte("DAGMAN")) &&
		(bytes.Contains(head, []byte("STARTING UP")) || bytes.Contains(head, []byte("Event: ULOG_"))):
		return records.Main
	case bytes.HasPrefix(first, []byte("ts=")) && bytes.Contains(first, []byte(" event=")) && bytes.Contains(first, []byte("xwf.id=")):
		return records.Companion
	case isDAG(head):
		return records.Companion
	}
	return records.Foreign
}

// isDAG reports whether all lines have the keywords of a DAG file, and at least one names a node.
func isDAG(head []byte) bool {
	if !dagLine.Match(head) {
		return false
	}
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 && len(head) >= 64<<10 { // the last line may be cut
		head = head[:end]
	}
	for line := range bytes.Lines(head) {
		if !dagKeyword.Match(bytes.TrimRight(line, "\r\n")) {
			return false
		}
	}
	return true
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	graphs, err := readGraphs(files)
	if err != nil {
		return nil, err
	}
	var logs []*eventLog
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := readLog(&files[i])
		if err != nil {
			return nil, err
		}
		logs = append(logs, found...)
	}
	var runs []*records.Run
	for _, l := range logs {
		if twin := l.twin(logs); twin != nil {
			twin.adopt(l)
		}
	}
	for _, l := range logs {
		if l.twin(logs) != nil {
			continue
		}
		run, err := l.run(pick(graphs, l, len(logs)))
		if err != nil {
			return nil, err
		}
		run.Path = l.file
		runs = append(runs, run)
	}
	return runs, nil
}

// twin is the jobstate.log of the run that a dagman.out is of, in the same folder.
func (l *eventLog) twin(logs []*eventLog) *eventLog {
	if l.jobstate {
		return nil
	}
	for _, other := range logs {
		if other.jobstate && path.Dir(other.file) == path.Dir(l.file) && other.id == l.id && l.id != "" {
			return other
		}
	}
	return nil
}

// adopt takes what only dagman.out says: why nodes were held and failed.
func (l *eventLog) adopt(from *eventLog) {
	for node, reason := range from.reasons {
		if l.reasons[node] == "" {
			l.reasons[node] = reason
		}
	}
	if l.input == "" {
		l.input = from.input
	}
	l.adopted = from.file
}

// pick is the graph in the folder of a record that names the most of its nodes.
func pick(graphs []*graph, l *eventLog, logs int) *graph {
	merged := newGraph()
	best, most := (*graph)(nil), 0
	for _, g := range graphs {
		if path.Dir(g.file) != path.Dir(l.file) && (len(graphs) > 1 || logs > 1) {
			continue
		}
		if g.plan {
			merged.merge(g)
			continue
		}
		n := 0
		for _, name := range l.order {
			if _, ok := g.nodes[name]; ok {
				n++
			}
		}
		if n > most || n == most && n > 0 && strings.HasSuffix(l.input, path.Base(g.file)) {
			best, most = g, n
		}
	}
	if best != nil {
		merged.merge(best)
	}
	return merged
}
