package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads tables. It is immutable.
type format struct {
	mapping Mapping
	mapped  bool
}

// New is the format of tables whose columns are guessed.
func New() records.Format { return format{} }

// NewMapped is the format of tables of which a mapping says what columns mean; those that it does not name are guessed.
// It claims every table, so that a column that does not exist becomes an error that says so: it is for files of which a
// person has said that they are tables.
func NewMapped(m Mapping) records.Format { return format{m, true} }

// Name implements records.Format.
func (format) Name() string { return "table" }

// Title implements records.Format.
func (format) Title() string { return "Table (CSV, TSV, NDJSON, Parquet)" }

// Sniff implements records.Format.
func (f format) Sniff(_ string, head []byte) records.Part {
	if bytes.HasPrefix(head, []byte(parquetMagic)) {
		return records.Main // its columns are at its end
	}
	header, first, fits := headerOf(head)
	if len(header) < 2 {
		return records.Foreign
	}
	if f.mapped {
		return records.Main
	}
	if !fits || isKnown(header) {
		return records.Foreign
	}
	l, err := assign(header, Mapping{})
	if err != nil || !l.strict() {
		return records.Foreign
	}
	if len(first) > 0 {
		cell, last := first[l.columns[fieldStart].index], 0
		if order, both := orderOf(cell); !isNothing(cell) && !isNumber(cell) && order == "" && !both {
			if _, ok := parseDate(cell, "", &last); !ok {
				return records.Foreign
			}
		}
	}
	return records.Main
}

// Read implements records.Format. Each file is a record of its own.
func (f format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var all []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		runs, err := f.readFile(ctx, &files[i])
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	return all, nil
}

func (f format) readFile(ctx context.Context, file *records.File) (runs []*records.Run, err error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s, err := open(file, r)
	if errors.Is(err, io.EOF) || errors.Is(err, errRow) {
		return nil, fault(file, 1, "no header, expected names of columns")
	} else if err != nil {
		return nil, err
	}
	for i := range s.header {
		s.header[i] = strings.TrimPrefix(s.header[i], "#")
	}
	l, err := assign(s.header, f.mapping)
	if err != nil {
		return nil, fault(file, 1, "%v", err)
	}
	if !l.timed() {
		return nil, fault(file, 1, "the columns %s have no start and end and no duration, expected names such as start, end and duration, "+
			"or a mapping such as start=COLUMN,end=COLUMN (fields are %s)", listed(s.header), strings.Join(Fields(), ", "))
	}
	t := &reader{file: file, source: s, layout: l, runs: map[string]*rows{}}
	if err := t.sample(); err != nil {
		return nil, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cells, line, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		} else if errors.Is(err, errRow) {
			t.unreadable++
			continue
		} else if err != nil {
			return nil, err
		}
		if err := t.add(cells, line); err != nil {
			return nil, err
		}
	}
	return t.finish()
}

// open makes the source of a file.
func open(file *records.File, r io.Reader) (*source, error) {
	magic := make([]byte, len(parquetMagic))
	n, err := io.ReadFull(r, magic)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(magic[:n]), r)
	if string(magic[:n]) == parquetMagic {
		return openParquet(file, whole)
	}
	return openText(file, whole)
}

// uniqueLength is how long the name of a run is that no other table has by chance, such as a UUID or a date with the
// time. Runs with shorter ones, such as 1, are identified by the bytes of the file, because a run replaces another one
// with the same key.
const uniqueLength = 12

// parquetMagic is how Parquet files begin.
const parquetMagic = "PAR1"

// reader reads one file.
type reader struct {
	file       *records.File
	source     *source
	layout     *layout
	reading    *reading
	notes      records.Notes // of all runs of the file
	runs       map[string]*rows
	order      []string // names of runs
	count      int
	unreadable int
	example    string // of a cell that could not be read
	dropped    int    // rows with such cells
}

// sample reads the first rows, decides what numbers mean and adds the rows.
func (t *reader) sample() error {
	var first [][]string
	var numbers []int
	for len(first) < sampleRows {
		cells, line, err := t.source.next()
		if errors.Is(err, io.EOF) {
			break
		} else if errors.Is(err, errRow) {
			t.unreadable++
			continue
		} else if err != nil {
			return err
		}
		first, numbers = append(first, cells), append(numbers, line)
	}
	if len(first) == 0 {
		return fault(t.file, 0, "no rows after the header that have as many cells as it, expected one for each attempt of a task")
	}
	var err error
	if t.reading, err = decide(t.file, t.layout, first, &t.notes); err != nil {
		return err
	}
	t.reading.noZone = 0 // counts rows from here on
	for i, cells := range first {
		if err := t.add(cells, numbers[i]); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the runs.
func (t *reader) finish() ([]*records.Run, error) {
	if t.count == 0 {
		return nil, fault(t.file, 0, "no row has moments or durations that can be read, as %q cannot, expected dates or numbers", t.example)
	}
	t.layout.note(&t.notes, t.source.header)
	if n := t.reading.noZone; n > 0 {
		t.notes.Inferred(n, "moments without a zone were read as UTC")
	}
	t.notes.LeftOut(t.unreadable, "rows have not the cells of the header")
	if t.dropped > 0 {
		t.notes.LeftOut(t.dropped, fmt.Sprintf("rows have a moment or duration that cannot be read, such as %.80q", t.example))
	}
	incomplete, unended := t.source.finish()
	if incomplete == "" && unended {
		t.notes.Remark(record.NoteInferred, "the last row has no line end, and may be cut off")
	}
	var all []*records.Run
	for _, name := range t.order {
		rows := t.runs[name]
		run := records.NewRun("table", t.source.format)
		run.Path = t.file.Path
		run.Undated, run.Incomplete = t.reading.undated, incomplete
		run.Notes = slices.Clone(t.notes)
		if run.Workflow = rows.workflow; run.Workflow == "" {
			base := path.Base(t.file.Path)
			run.Workflow = strings.TrimSuffix(base, path.Ext(base))
		}
		if name != "" {
			run.Params = map[string]string{"run": name}
		}
		if len(name) >= uniqueLength {
			run.Key = run.Workflow + "/" + name
		}
		rows.into(run)
		all = append(all, run)
	}
	if len(all) > 1 {
		for _, run := range all {
			run.Notes.Remark(record.NoteRecorded, "the file has %d runs, told apart by the column %s", len(all), t.layout.columns[fieldRun].name)
		}
	}
	return all, nil
}
