package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// column is where a field is read from.
type column struct {
	index   int // in the header, -1 if the field is not in the file
	name    string
	unit    string // said by the mapping or by the end of the name, else empty
	guessed bool
	needs   bool // the name alone does not say what a number without a unit is
}

// layout is what the columns of a file mean.
type layout struct {
	columns  [fields]column
	rest     []int // numbers of columns without a meaning
	repeated []string
}

func (l *layout) has(f field) bool { return l.columns[f].index >= 0 }

// timed reports whether rows say when tasks ran, or at least how long.
func (l *layout) timed() bool {
	return l.has(fieldDuration) || l.has(fieldStart) && l.has(fieldEnd)
}

// strict reports whether the file is certainly a table of attempts.
func (l *layout) strict() bool {
	return l.has(fieldStart) && (l.has(fieldEnd) || l.has(fieldDuration))
}

// name is what a header calls a column, in words with underscores, and the unit at its end.
type name struct {
	whole, bare string
	suffix      string // a unit, or empty
}

func splitName(cell string) name {
	n := name{whole: normal(cell)}
	for _, end := range []string{"_unix", "_epoch", "_utc", "_gmt", "_local", "_iso"} {
		n.whole = strings.TrimSuffix(n.whole, end)
	}
	n.bare = n.whole
	if i := strings.LastIndexByte(n.whole, '_'); i > 0 && suffixes[n.whole[i+1:]] != "" {
		n.bare, n.suffix = n.whole[:i], suffixes[n.whole[i+1:]]
		n.bare = strings.TrimSuffix(strings.TrimSuffix(n.bare, "_unix"), "_epoch")
	} else {
		n.suffix = suffixes[n.whole]
	}
	return n
}

// normal writes startTime, "Start Time" and "start-time (ms)" as start_time and start_time_ms.
func normal(cell string) string {
	var b strings.Builder
	gap := false
	var before rune
	for i, r := range cell {
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		upper := unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before) ||
			unicode.IsUpper(before) && followedByLower(cell[i+len(string(r)):]))
		if (gap || upper) && word && b.Len() > 0 {
			b.WriteByte('_')
		}
		if gap = !word; word {
			b.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	return b.String()
}

func followedByLower(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return unicode.IsLower(r)
}

// assign finds the columns of all fields: those of the mapping, then those that are guessed. The error, if the mapping
// names a column that the header does not have, says which it has.
func assign(header []string, m Mapping) (*layout, error) {
	l := &layout{}
	used := make([]bool, len(header))
	names := make([]name, len(header))
	for i, cell := range header {
		names[i] = splitName(cell)
		if cell != "" && slices.Index(header, cell) < i && !slices.Contains(l.repeated, cell) {
			l.repeated = append(l.repeated, cell)
		}
	}
	for f := range fields {
		l.columns[f] = column{index: -1}
		c := m.columns[f]
		if !c.given || c.name == "" {
			continue
		}
		i := slices.Index(header, c.name)
		if i < 0 {
			return nil, fmt.Errorf("%s is mapped to the column %q, which does not exist, expected one of %s (fields are %s)",
				specs[f].name, c.name, listed(header), strings.Join(Fields(), ", "))
		}
		unit := c.unit
		if unit == "" && specs[f].accepts(names[i].suffix) {
			unit = names[i].suffix
		}
		l.columns[f] = column{index: i, name: header[i], unit: unit}
		used[i] = true
	}
	for f := range fields {
		if !m.columns[f].given {
			l.columns[f] = guess(f, header, names, used)
		}
	}
	for i := range header {
		if !used[i] {
			l.rest = append(l.rest, i)
		}
	}
	return l, nil
}

// guess finds the column with the best name for a field, and marks it as used.
func guess(f field, header []string, names []name, used []bool) column {
	for _, synonym := range strings.Fields(specs[f].synonyms) {
		synonym, needs := strings.CutSuffix(synonym, "*")
		for i, n := range names {
			accepted := specs[f].accepts(n.suffix)
			if used[i] || n.whole != synonym && (n.bare != synonym || !accepted) {
				continue
			}
			used[i] = true
			c := column{index: i, name: header[i], guessed: true, needs: needs}
			if accepted {
				c.unit = n.suffix
			}
			return c
		}
	}
	return column{index: -1}
}

func listed(header []string) string {
	const most = 40
	short := header[:min(len(header), most)]
	text := strings.Join(short, ", ")
	if len(header) > most {
		text += fmt.Sprintf(" and %d more", len(header)-most)
	}
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + "…"
	}
	return text
}

// drop makes a column one without a meaning.
func (l *layout) drop(f field) {
	l.rest = append(l.rest, l.columns[f].index)
	slices.Sort(l.rest)
	l.columns[f].index = -1
}

// note says which columns were given by a mapping, which were guessed and which have no meaning.
func (l *layout) note(notes *records.Notes, header []string) {
	var given, guessed, kept []string
	for f, c := range l.columns {
		meaning := fmt.Sprintf("%s is %s", specs[f].name, c.name)
		switch {
		case c.index >= 0 && c.guessed:
			guessed = append(guessed, meaning)
		case c.index >= 0:
			given = append(given, meaning)
		}
	}
	for _, i := range l.rest {
		kept = append(kept, header[i])
	}
	if len(given) > 0 {
		notes.Remark(record.NoteRecorded, "columns were given by a mapping: %s", listed(given))
	}
	if len(guessed) > 0 {
		notes.Remark(record.NoteInferred, "columns were guessed from their names: %s", listed(guessed))
	}
	if len(kept) > 0 {
		notes.Remark(record.NoteRecorded, "columns without a known meaning are lines of the log: %s", listed(kept))
	}
	if len(l.repeated) > 0 {
		notes.Remark(record.NoteInferred, "columns occur more than once, and the first of each is read: %s", listed(l.repeated))
	}
}

// isKnown reports whether a header is the one that a tool writes that has a reader of its own.
func isKnown(header []string) bool {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(header, n) })
	}
	slurm := has("JobID") || has("JobIDRaw")
	return has("Seq", "Host", "Starttime", "JobRuntime") || has("task_id", "hash") && (has("native_id") || has("realtime")) ||
		slurm && (has("State") || has("Start") || has("ExitCode"))
}
