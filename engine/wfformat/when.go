package wfformat

import "time"

// timeLayouts are the formats in which recordings contain moments: RFC 3339 with and without a zone, the short form of
// Pegasus, and its older month-first form. Without a zone, UTC is assumed; all of them accept fractions of seconds.
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

// readTime returns the zero time if no layout matches: a date is not a reason to refuse a recording.
func readTime(s string) time.Time {
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, s)
		if err == nil && t.Year() >= 1970 && t.Year() <= 9999 { // run IDs cannot be before 1970
			return t.UTC()
		}
	}
	return time.Time{}
}
