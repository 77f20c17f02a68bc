package wfformat

import "time"

// timeLayouts are the ways in which recordings write moments: RFC 3339 with and without a zone, the short form of
// Pegasus, and its older month-first form. Without a zone UTC is meant; fractions of seconds are accepted by all.
var timeLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"20060102T150405Z0700",
	"20060102T150405",
	"01-02-06T15:04:05Z07:00",
}

// readTime gives the zero time for what no layout matches: a date is no reason to refuse a recording.
func readTime(s string) time.Time {
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, s)
		if err == nil && t.Year() >= 1970 && t.Year() <= 9999 { // run IDs start at 1970
			return t.UTC()
		}
	}
	return time.Time{}
}
