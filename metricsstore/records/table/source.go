package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// source gives the rows of a file.
type source struct {
	format string // such as "CSV"
	header []string
	// next returns the cells of the next row, which the caller may keep, and the line that it begins in, 0 if the format has
	// no lines. The error is io.EOF at the end, errRow for a row that cannot be read, after which others can follow.
	next func() (cells []string, line int, err error)
	// finish says, at the end, why the file is incomplete; unended: its last row has no line end.
	finish func() (incomplete string, unended bool)
}

// errRow is about one row.
var errRow = errors.New("not a row")

// maxLine bounds a row of a text.
const maxLine = 16 << 20

// separators are those that a header is split at, and the formats they make; the last ones only for files with a mapping.
var separators = []struct {
	mark   byte
	format string
}{{'\t', "TSV"}, {',', "CSV"}, {';', "CSV with semicolons"}, {'|', "table with bars"}}

// separator is the mark that splits a first line into the most cells.
func separator(first string) (mark byte, format string) {
	most := 0
	for _, s := range separators {
		if n := strings.Count(first, string(s.mark)); n > most {
			most, mark, format = n, s.mark, s.format
		}
	}
	return mark, format
}

// openText makes the source of a text, of which head is the beginning.
func openText(f *records.File, r io.Reader) (*source, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return openObjects(in), nil
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	mark, format := separator(string(first))
	if mark == 0 || !utf8.Valid(first) {
		return nil, &records.Fault{Path: f.Path, Line: 1, Byte: -1, Text: "no header, expected names of columns with commas or tabs between them"}
	}
	if mark == '\t' || mark == '|' {
		return openLines(in, string(mark), format)
	}
	return openCSV(in, rune(mark), format)
}

// openLines reads cells between tabs or bars. Only cells that are quoted as a whole lose their quotes: commands contain
// single ones.
func openLines(in io.Reader, mark, format string) (*source, error) {
	s := &source{format: format}
	all := lines.New(in, maxLine)
	unended, wrong := false, false
	s.next = func() ([]string, int, error) {
		for all.Next() {
			if len(bytes.TrimSpace(all.Bytes())) == 0 {
				continue
			}
			cells := strings.Split(string(all.Bytes()), mark)
			for i, c := range cells {
				if c = strings.TrimSpace(c); len(c) > 1 && c[0] == '"' && c[len(c)-1] == '"' {
					c = strings.ReplaceAll(c[1:len(c)-1], `""`, `"`)
				}
				cells[i] = c
			}
			unended, wrong = !all.Ended(), all.Cut() || s.header != nil && len(cells) != len(s.header)
			if wrong {
				return cells, all.Number(), errRow
			}
			return cells, all.Number(), nil
		}
		if all.Err() != nil {
			return nil, 0, all.Err()
		}
		return nil, 0, io.EOF
	}
	s.finish = func() (string, bool) { return ending(unended && wrong), unended }
	var err error
	s.header, _, err = s.next()
	return s, err
}

func ending(middle bool) string {
	if middle {
		return "the file ends in the middle of a row"
	}
	return ""
}

// tail keeps the last byte of what was read.
type tail struct {
	from io.Reader
	last byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if n > 0 {
		t.last = p[n-1]
	}
	return n, err
}

func openCSV(in io.Reader, mark rune, format string) (*source, error) {
	s := &source{format: format}
	end := &tail{from: in}
	all := csv.NewReader(end)
	all.Comma, all.FieldsPerRecord, all.TrimLeadingSpace = mark, -1, true
	wrong := false
	s.next = func() ([]string, int, error) {
		cells, err := all.Read()
		var bad *csv.ParseError
		switch {
		case errors.As(err, &bad):
			wrong = true
			return nil, bad.StartLine, errRow
		case err != nil:
			return nil, 0, err
		}
		line, _ := all.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if wrong = s.header != nil && len(cells) != len(s.header); wrong {
			return cells, line, errRow
		}
		return cells, line, nil
	}
	s.finish = func() (string, bool) { return ending(wrong && end.last != '\n'), end.last != '\n' }
	var err error
	s.header, _, err = s.next()
	return s, err
}

// objects reads a JSON object from each line.
type objects struct {
	lines          *lines.Reader
	unended, wrong bool // of the last line
}

func (r *objects) read() object {
	for r.lines.Next() {
		if len(bytes.TrimSpace(r.lines.Bytes())) == 0 {
			continue
		}
		o := object{line: r.lines.Number()}
		err := json.Unmarshal(r.lines.Bytes(), &o.values)
		r.unended, r.wrong = !r.lines.Ended(), err != nil || o.values == nil || r.lines.Cut()
		if r.wrong {
			o.err = errRow
		}
		return o
	}
	if r.lines.Err() != nil {
		return object{err: r.lines.Err()}
	}
	return object{err: io.EOF}
}

// openObjects makes the source of NDJSON. Its header has the names that the first rows have.
func openObjects(in io.Reader) *source {
	s := &source{format: "NDJSON"}
	r := &objects{lines: lines.New(in, maxLine)}
	var ahead []object
	known := map[string]bool{}
	for range sampleRows {
		o := r.read()
		ahead = append(ahead, o)
		if o.err != nil && !errors.Is(o.err, errRow) {
			break
		}
		for name := range o.values {
			known[name] = true
		}
	}
	s.header = slices.Sorted(maps.Keys(known))
	s.header = s.header[:min(len(s.header), maxColumns)]
	s.next = func() ([]string, int, error) {
		var o object
		if len(ahead) > 0 {
			o, ahead = ahead[0], ahead[1:]
		} else {
			o = r.read()
		}
		if o.err != nil {
			return nil, o.line, o.err
		}
		return o.cells(s.header), o.line, nil
	}
	s.finish = func() (string, bool) { return ending(r.wrong && r.unended), false }
	return s
}

// maxColumns bounds the columns of a file whose rows name them.
const maxColumns = 1000

// object is what was read from a line of NDJSON.
type object struct {
	values map[string]json.RawMessage
	line   int
	err    error
}

// cells are the values in the order of a header: texts without quotes, other values as they are written.
func (o object) cells(header []string) []string {
	cells := make([]string, len(header))
	for i, name := range header {
		raw := o.values[name]
		var text string
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		cells[i] = strings.TrimSpace(text)
	}
	return cells
}

// headerOf reads the header and the first row of the beginning of a file, and reports whether the row fits the header.
func headerOf(head []byte) (header, first []string, fits bool) {
	whole := head
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		whole = head[:end+1]
	} else if len(head) >= 64<<10 || len(head) == 0 || head[0] != '{' {
		return nil, nil, false // the header alone is longer, or there are no rows
	}
	s, err := openText(&records.File{}, bytes.NewReader(whole))
	if err != nil || !utf8.ValidString(strings.Join(s.header, "")) || bytes.IndexByte(whole, 0) >= 0 {
		return nil, nil, false
	}
	if first, _, err = s.next(); err != nil && !errors.Is(err, io.EOF) {
		return s.header, nil, false
	}
	return s.header, first, s.format != "NDJSON" || flat(whole)
}

// flat reports whether all lines are objects without objects in them.
func flat(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var values map[string]any
		if json.Unmarshal(line, &values) != nil {
			return false
		}
		for _, v := range values {
			list, _ := v.([]any)
			for _, one := range append(list, v) {
				switch one.(type) {
				case map[string]any:
					return false
				}
			}
		}
	}
	return true
}

// fault is an error about a line.
func fault(f *records.File, line int, format string, args ...any) error {
	return &records.Fault{Path: f.Path, Line: line, Byte: -1, Text: fmt.Sprintf(format, args...)}
}
