package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// position is a place in a file. Both count from 1.
type position struct{ line, column int }

// Mistake is one thing that is wrong with a pipeline file. Line and Column count from 1; both are 0 if the file could not
// be read.
type Mistake struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Error lists what is wrong with a pipeline file, in the order of its lines.
type Error struct {
	File     string
	Mistakes []Mistake
}

// mostShown bounds the mistakes that Error has a line for.
const mostShown = 50

// Error has a line for each mistake, such as "words.yaml:7:5: …".
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Mistakes))
	for i, m := range e.Mistakes {
		if i == mostShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(e.Mistakes)-i))
			break
		}
		at := e.File
		if m.Line > 0 { // else it is the whole file that is wrong
			at = fmt.Sprintf("%s:%d:%d", e.File, m.Line, m.Column)
		}
		lines = append(lines, at+": "+m.Message)
	}
	return strings.Join(lines, "\n")
}

// mistakes collects what is wrong.
type mistakes []Mistake

func (m *mistakes) add(at position, format string, args ...any) {
	*m = append(*m, Mistake{at.line, at.column, fmt.Sprintf(format, args...)})
}

// err is nil if there are none. Of several about one place only the last counts, which knows best what was expected there:
// a value that is no text is no name of a step either.
func (m mistakes) err(file string) error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	var kept []Mistake
	for i, one := range m {
		if next := i + 1; next == len(m) || m[next].Line != one.Line || m[next].Column != one.Column {
			kept = append(kept, one)
		}
	}
	return &Error{File: file, Mistakes: kept}
}
