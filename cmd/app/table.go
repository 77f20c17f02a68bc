package app

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// table collects rows and prints them with aligned columns. Cells must not have tabs or line ends, see oneLine.
type table struct {
	columns []column
	rows    [][]string
}

// column describes a column of a table.
type column struct {
	title string
	right bool // for numbers
	paint func(cell string) string
}

// left and right make columns for words and for numbers.
func left(title string) column  { return column{title: title} }
func right(title string) column { return column{title: title, right: true} }

// newTable starts a table.
func newTable(columns ...column) *table { return &table{columns: columns} }

// add appends a row, which has a cell for each column.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table.
func (t *table) print(w io.Writer) error {
	widths := make([]int, len(t.columns))
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
		widths[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var text bytes.Buffer
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{titles}, t.rows...) {
		fmt.Fprintln(out, strings.Join(t.cells(row, widths), "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// cells prepares a row for a tabwriter, which left-aligns all columns and counts colours as text: numbers are padded, and
// all cells of a painted column, including the title, have escape sequences of the same length.
func (t *table) cells(row []string, widths []int) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		if t.columns[i].right {
			cell = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + cell
		}
		if paint := t.columns[i].paint; paint != nil {
			cell = paint(cell)
		}
		out[i] = cell
	}
	return out
}

// facts prints the properties of one thing, with a name and a value on each line.
type facts struct{ lines [][2]string }

func (f *facts) add(name, format string, args ...any) {
	f.lines = append(f.lines, [2]string{name, fmt.Sprintf(format, args...)})
}

// print writes the lines.
func (f *facts) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range f.lines {
		fmt.Fprintf(out, "%s\t%s\n", l[0], l[1])
	}
	return out.Flush()
}
