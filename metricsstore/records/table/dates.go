package table

import (
	"strings"
	"time"
)

// layouts are the dates that programs commonly write. Fractions of seconds are accepted after all seconds.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05-0700",
	"2006-01-02 15:04:05-07",
	"2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05 -0700 MST", // as Go writes it
	"2006/01/02 15:04:05",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02T15:04Z07:00",
	"20060102T150405Z07:00",
	"20060102T150405",
	"Mon Jan _2 15:04:05 2006",
	"Mon Jan _2 15:04:05 -0700 2006",
	"Mon Jan _2 15:04:05 UTC 2006", // an abbreviation of another zone does not say the offset
	"Mon, 02 Jan 2006 15:04:05 -0700",
	"02 Jan 2006 15:04:05",
	"02-Jan-2006 15:04:05",
	"02/Jan/2006:15:04:05 -0700",
	"Jan _2, 2006 15:04:05",
	"2006-01-02",
}

// slashed are the dates of which it is not certain which number is the month.
var slashed = map[string][]string{
	"dmy": {"2/1/2006 15:04:05", "2/1/2006 15:04", "2/1/2006, 15:04:05", "2/1/2006 3:04:05 PM", "2.1.2006 15:04:05", "2.1.2006 15:04"},
	"mdy": {"1/2/2006 15:04:05", "1/2/2006 15:04", "1/2/2006, 15:04:05", "1/2/2006 3:04:05 PM"},
}

// date is a moment that was written as a date.
type date struct {
	time time.Time
	zone bool // it was written with it
}

// parseDate reads a date. order is dmy, mdy or empty; the number of the layout that fits is tried first next time.
func parseDate(cell, order string, last *int) (date, bool) {
	cell = strings.TrimSpace(cell)
	if bare, ok := strings.CutSuffix(cell, " UTC"); ok {
		cell = bare + "Z"
		if !strings.Contains(bare, "-") || strings.Contains(bare, " +0000") || strings.Contains(bare, " -0000") {
			cell = bare + " UTC"
		}
	}
	if order != "" {
		for _, layout := range slashed[order] {
			if t, err := time.Parse(layout, cell); err == nil {
				return date{time: t}, true
			}
		}
	}
	for i := range layouts {
		n := i
		switch { // the last one that fitted comes first
		case i == 0:
			n = *last
		case i <= *last:
			n = i - 1
		}
		if t, err := time.Parse(layouts[n], cell); err == nil {
			*last = n
			return date{t, hasZone(layouts[n])}, true
		}
	}
	return date{}, false
}

func hasZone(layout string) bool {
	return strings.Contains(layout, "07") || strings.Contains(layout, "UTC")
}

// orderOf is the order of day and month in a date with slashes or dots that only one of the orders can be; both reports
// that the cell is such a date in either.
func orderOf(cell string) (order string, both bool) {
	var fits []string
	for _, name := range []string{"dmy", "mdy"} {
		for _, layout := range slashed[name] {
			if _, err := time.Parse(layout, strings.TrimSpace(cell)); err == nil {
				fits = append(fits, name)
				break
			}
		}
	}
	switch len(fits) {
	case 1:
		return fits[0], false
	case 2:
		return "", true
	}
	return "", false
}
