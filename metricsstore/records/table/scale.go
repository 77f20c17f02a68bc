package table

import (
	"fmt"
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// sampleRows is after how many rows it is decided what numbers mean.
const sampleRows = 1000

// earliest is the first moment that a number can mean as one since 1970: March 1973. What is smaller counts from the
// beginning of something.
const earliest = 1e8 * int64(time.Second)

// scale is how the cells of a column are read.
type scale struct {
	unit   int64  // of numbers, 0 if they have none
	dates  bool   // moments are dates
	order  string // of day and month
	layout int    // that fitted last
}

// reading is how all columns are read.
type reading struct {
	scales  [fields]scale
	undated bool
	noZone  int // moments that were read as UTC
}

// decide finds out from the first rows what numbers mean.
func decide(f *records.File, l *layout, rows [][]string, notes *records.Notes) (*reading, error) {
	r := &reading{}
	var dated, undated string
	for _, field := range []field{fieldStart, fieldEnd, fieldSubmit} {
		if !l.has(field) {
			continue
		}
		counts, err := r.decideMoments(f, l, field, rows, notes)
		if err != nil {
			return nil, err
		}
		switch counts {
		case sinceEpoch:
			dated = l.columns[field].name
		case sinceStart:
			undated = l.columns[field].name
		}
	}
	if dated != "" && undated != "" {
		return nil, fault(f, 1, "the column %s has moments since 1970 and %s has none, expected the same in both", dated, undated)
	}
	r.undated = undated != "" || dated == ""
	r.decideDurations(l, rows, notes)
	for f := range fields {
		if specs[f].kind != size || !l.has(f) {
			continue
		}
		c := &l.columns[f]
		if c.needs && c.unit == "" && len(numbers(rows, c.index)) > 0 {
			l.drop(f)
			continue
		}
		r.scales[f].unit = max(1, sizeUnits[c.unit])
	}
	return r, nil
}

// origin is what moments count from.
type origin int

const (
	nowhere origin = iota // there are none
	sinceEpoch
	sinceStart
)

// decideMoments finds out how the moments of a column are written.
func (r *reading) decideMoments(f *records.File, l *layout, field field, rows [][]string, notes *records.Notes) (origin, error) {
	c, s := l.columns[field], &r.scales[field]
	values := numbers(rows, c.index)
	if len(values) == 0 {
		return r.decideDates(f, c, s, rows, notes)
	}
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	if c.unit != "" {
		s.unit = timeUnits[c.unit]
		if largest*float64(s.unit) > math.MaxInt64 {
			return nowhere, fault(f, 1, "the column %s has the number %g, which is after the year 2262 in the unit %s, expected another unit", c.name, largest, c.unit)
		}
	} else if unit := unitOf(largest); unit != "" {
		s.unit = timeUnits[unit]
		notes.Remark(record.NoteInferred, "the column %s is read as %s since 1970, because of the size of its numbers", c.name, unit)
	} else {
		s.unit = timeUnits["s"]
		notes.Remark(record.NoteInferred, "the column %s is read as seconds since an unknown moment", c.name)
	}
	if largest*float64(s.unit) >= float64(earliest) {
		return sinceEpoch, nil
	}
	return sinceStart, nil
}

func (r *reading) decideDates(f *records.File, c column, s *scale, rows [][]string, notes *records.Notes) (origin, error) {
	s.dates, s.order = true, c.unit
	found, both, example := false, false, ""
	for _, row := range rows {
		cell := row[c.index]
		if isNothing(cell) {
			continue
		}
		found = true
		if _, ok := parseDate(cell, s.order, &s.layout); ok {
			continue
		}
		order, either := orderOf(cell)
		if order == "" && !either {
			continue // the row is left out
		}
		if both = either || both; order != "" && s.order == "" {
			s.order = order
			notes.Remark(record.NoteInferred, "dates of the column %s are read as %s", c.name, order)
		}
		example = cell
	}
	switch {
	case !found:
		return nowhere, nil
	case both && s.order == "":
		return nowhere, fault(f, 1, "the column %s has dates such as %s, in which day and month cannot be told apart, "+
			"expected a mapping with the order, such as %s=%s:dmy", c.name, example, specs[fieldStart].name, c.name)
	}
	return sinceEpoch, nil
}

// unitOf is the unit in which a number is a moment between 1973 and 5138, empty if there is none.
func unitOf(n float64) string {
	switch {
	case n >= 1e17:
		return "ns"
	case n >= 1e14:
		return "us"
	case n >= 1e11:
		return "ms"
	case n >= 1e8:
		return "s"
	}
	return ""
}

// numbers are the cells of a column that are numbers.
func numbers(rows [][]string, index int) []float64 {
	var all []float64
	for _, row := range rows {
		if cell := row[index]; isNumber(cell) {
			n, _ := scaled(cell, 1)
			all = append(all, float64(n))
		}
	}
	return all
}

// decideDurations finds out the units of durations: that of the name, else for the duration that which fits the moments
// best, else that of the start.
func (r *reading) decideDurations(l *layout, rows [][]string, notes *records.Notes) {
	if c := l.columns[fieldCPU]; c.index >= 0 && c.needs && c.unit == "" && len(numbers(rows, c.index)) > 0 {
		l.drop(fieldCPU)
	}
	for _, f := range []field{fieldDuration, fieldCPU} {
		c, s := l.columns[f], &r.scales[f]
		if c.index < 0 {
			continue
		}
		if s.unit = timeUnits[c.unit]; s.unit != 0 {
			continue
		}
		s.unit = timeUnits["s"]
		if len(numbers(rows, c.index)) == 0 {
			continue
		}
		unit, why := "s", "because nothing says otherwise"
		if f == fieldDuration {
			if fitting := r.fitting(l, rows); fitting != "" {
				unit, why = fitting, "which fits the moments"
			} else if start := r.scales[fieldStart]; l.has(fieldStart) && !start.dates && start.unit != 0 {
				unit, why = nameOf(start.unit), "as the start is"
			}
		}
		s.unit = timeUnits[unit]
		notes.Remark(record.NoteInferred, "the column %s is read in the unit %s, %s", c.name, unit, why)
	}
}

func nameOf(unit int64) string {
	for name, n := range timeUnits {
		if n == unit {
			return name
		}
	}
	return fmt.Sprint(unit)
}

// fitting is the unit in which the durations of rows come closest to the time from start to end; empty if there is no
// row that has all three.
func (r *reading) fitting(l *layout, rows [][]string) string {
	if !l.has(fieldStart) || !l.has(fieldEnd) {
		return ""
	}
	var between, recorded float64
	for _, row := range rows {
		start, _ := r.moment(fieldStart, row[l.columns[fieldStart].index])
		end, _ := r.moment(fieldEnd, row[l.columns[fieldEnd].index])
		n, ok := scaled(row[l.columns[fieldDuration].index], 1e3) // in thousandths
		if start.Known() && end.Known() && end > start && ok && n > 0 {
			between += float64(end - start)
			recorded += float64(n) / 1e3
		}
	}
	if recorded == 0 {
		return ""
	}
	best, off := "", math.Inf(1)
	for _, name := range []string{"ns", "us", "ms", "s", "min", "h"} {
		if o := math.Abs(math.Log(recorded * float64(timeUnits[name]) / between)); o < off {
			best, off = name, o
		}
	}
	return best
}

// moment reads a moment. It is Unknown for a cell that says so; ok is false for one that cannot be read.
func (r *reading) moment(f field, cell string) (m records.Moment, ok bool) {
	s := &r.scales[f]
	if isNothing(cell) {
		return records.Unknown, true
	}
	if s.dates {
		d, ok := parseDate(cell, s.order, &s.layout)
		if ok && !d.zone {
			r.noZone++
		}
		return records.At(d.time), ok
	}
	n, ok := scaled(cell, max(s.unit, 1))
	switch {
	case !ok:
		return records.Unknown, false
	case !r.undated && n == 0 || n == math.MinInt64:
		return records.Unknown, true // written where there is none
	case !r.undated && n < earliest:
		return records.Unknown, false
	}
	return records.Moment(n), true
}
