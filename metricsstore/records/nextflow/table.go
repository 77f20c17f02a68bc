package nextflow

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// maxLine bounds a line of a table, in bytes.
const maxLine = 8 << 20

// columns are all that a trace can have. Those marked are in no other table, as far as is known.
var columns = map[string]bool{
	"task_id": true, "hash": false, "native_id": true, "process": false, "module": false, "container": false, "tag": false,
	"name": false, "status": false, "exit": false, "submit": false, "start": false, "complete": false, "duration": false,
	"realtime": true, "%cpu": false, "%mem": false, "rss": false, "vmem": false, "peak_rss": true, "peak_vmem": true,
	"rchar": true, "wchar": true, "syscr": true, "syscw": true, "read_bytes": false, "write_bytes": false, "attempt": false,
	"workdir": false, "script": false, "scratch": false, "queue": false, "cpus": false, "memory": false, "disk": false,
	"time": false, "env": false, "error_action": true, "vol_ctxt": true, "inv_ctxt": true, "hostname": false, "cpu_model": false,
	"max_rss": false, "max_vmem": false, "accelerator": false, "accelerator_type": false,
}

func splitRow(line string) []string { return strings.Split(strings.TrimSuffix(line, "\r"), "\t") }

// isHeader reports whether cells are the columns of a trace: all known, two of them only there, or a number of a task.
func isHeader(cells []string) bool {
	marked, names := 0, 0
	for _, cell := range cells {
		own, known := columns[cell]
		if !known {
			return false
		}
		if own {
			marked++
		}
		if cell == "name" || cell == "process" || cell == "task_id" || cell == "hash" {
			names++
		}
	}
	return len(cells) >= 3 && marked > 0 && names > 0
}

// tableReader reads the lines of a table.
type tableReader struct {
	path    string
	lines   *lines.Reader
	columns []string // of the header
	names   []string // the same, each once
	place   map[string][]int
	texts   []int // columns that can have several lines
	pending []string
	size    int // of pending, in bytes
	first   int // line of pending
	lists   []*listing
	total   int
}

func readTable(ctx context.Context, f *records.File) ([]*listing, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	t := &tableReader{path: f.Path, lines: lines.New(in, maxLine)}
	for t.lines.Next() {
		if t.lines.Number()%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := t.add(); err != nil {
			return nil, err
		}
	}
	if err := t.lines.Err(); err != nil {
		return nil, err
	}
	return t.finish()
}

// add reads a line: a header, which begins a run, the beginning of a row, or more of a text in one.
func (t *tableReader) add() error {
	line, whole := string(t.lines.Bytes()), t.lines.Ended()
	if isHeader(splitRow(line)) && whole {
		t.flush(true)
		t.begin(splitRow(line))
		return nil
	}
	if len(t.lists) == 0 {
		if strings.TrimSpace(line) == "" {
			return nil
		}
		return &records.Fault{
			Path: t.path, Line: t.lines.Number(), Byte: -1, Text: "expected the header of a Nextflow trace: names of columns with tabs between",
		}
	}
	if t.begins(line) {
		t.flush(true)
		t.first = t.lines.Number()
	}
	if t.size += len(line); t.size <= maxLine && !t.lines.Cut() {
		t.pending = append(t.pending, line)
	} else {
		t.size = 2 * maxLine
	}
	if t.total++; t.total > 64*records.MaxTasks {
		return fmt.Errorf("%w: %s: more than %d lines", records.ErrTooLarge, t.path, 64*records.MaxTasks)
	}
	if l := t.lists[len(t.lists)-1]; len(l.rows) >= records.MaxTasks {
		return fmt.Errorf("%w: %s: more than %d rows", records.ErrTooLarge, t.path, records.MaxTasks)
	}
	if !whole {
		t.flush(false)
	}
	return nil
}

var hash = regexp.MustCompile(`^[0-9a-f]{2}/[0-9a-f]{6,}$`)

// begins reports whether a line is the beginning of a row. It always is unless a column contains texts, which can have
// several lines: then its first column has to look like one.
func (t *tableReader) begins(line string) bool {
	if len(t.texts) == 0 || len(t.pending) == 0 {
		return true
	}
	first, _, more := strings.Cut(line, "\t")
	switch t.columns[0] {
	case "task_id":
		_, err := strconv.Atoi(first)
		return err == nil && more
	case "hash":
		return hash.MatchString(first) && more
	}
	tabs := 0
	for _, each := range t.pending {
		tabs += strings.Count(each, "\t")
	}
	return tabs >= len(t.columns)-1
}

// flush makes a row of the lines that are pending. whole: the last one ends with a line break.
func (t *tableReader) flush(whole bool) {
	text := strings.TrimRight(strings.Join(t.pending, "\n"), "\n")
	tooLong := t.size > maxLine
	t.pending, t.size = t.pending[:0], 0
	if text == "" && !tooLong || len(t.lists) == 0 {
		return
	}
	l := t.lists[len(t.lists)-1]
	if tooLong {
		l.notes.LeftOut(1, fmt.Sprintf("rows are longer than %d bytes", maxLine))
		return
	}
	cells := splitRow(text)
	if more := len(cells) - len(t.columns); more > 0 && len(t.texts) == 1 { // tabs in the text
		at := t.texts[0]
		cells = slices.Replace(cells, at, at+more+1, strings.Join(cells[at:at+more+1], "\t"))
	}
	t.row(l, cells, whole, t.first)
}

func (t *tableReader) row(l *listing, cells []string, whole bool, line int) {
	if !whole {
		l.incomplete = fmt.Sprintf("the file ends in the middle of line %d", line)
	}
	switch {
	case len(cells) != len(t.columns) && !whole:
		return // the reason is in incomplete
	case len(cells) != len(t.columns):
		l.odd.Add(line)
		return
	case !whole:
		cells[len(cells)-1] = "" // it can be a part
	}
	l.rows = append(l.rows, rowOf(func(column string) string { return exact(cells, t.place[column]) }, t.names, &l.notes))
	if twice := len(t.columns) - len(t.names); twice > 0 && len(l.rows) == 1 {
		l.notes.Recorded(twice, "columns occur again: the raw number was read where both forms are recorded, else the last")
	}
}

// exact selects one of the cells of a column, mostly its only one: a whole number rather than a text that was rounded.
func exact(cells []string, places []int) string {
	value := ""
	for _, at := range places {
		if _, err := strconv.ParseInt(cells[at], 10, 64); err == nil {
			return cells[at]
		}
		value = cells[at]
	}
	return value
}

func (t *tableReader) begin(cells []string) {
	t.columns, t.names, t.texts, t.place = cells, nil, nil, map[string][]int{}
	for i, column := range cells {
		if column == "script" || column == "env" {
			t.texts = append(t.texts, i)
		}
		if len(t.place[column]) == 0 {
			t.names = append(t.names, column)
		}
		t.place[column] = append(t.place[column], i)
	}
	t.lists = append(t.lists, newListing(t.path, tableFormat))
}

func (t *tableReader) finish() ([]*listing, error) {
	t.flush(true)
	var full []*listing
	for _, l := range t.lists {
		if len(l.rows) > 0 {
			l.key = l.keyOfRows()
			full = append(full, l)
		}
	}
	if len(full) == 0 {
		return nil, &records.Fault{Path: t.path, Line: max(t.lines.Number(), 1), Byte: -1, Text: "expected rows of tasks below the header"}
	}
	if len(full) > 1 {
		for i, l := range full {
			l.notes.Remark("recorded", "the file has %d runs, each below a header; this is number %d", len(full), i+1)
		}
	}
	return full, nil
}
