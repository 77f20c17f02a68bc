package nextflow

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// readFull fills buf as far as the file goes.
func readFull(in io.Reader, buf []byte) (int, error) {
	n, err := io.ReadFull(in, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// isNone reports whether a cell says that nothing was recorded. The greatest int32 stands for an exit code that was
// never set.
func isNone(cell string) bool {
	return cell == "" || cell == "-" || cell == "null" || cell == "2147483647"
}

// span is a duration with how far it can be off because it was rounded for people.
type span struct {
	length time.Duration // -1 if not recorded
	slack  time.Duration
}

// none is a span that was not recorded.
var none = span{length: -1}

// parseSpan reads "4h 41m 19s", "1.9s", "66ms" or whole milliseconds. ok is false if it is none of these.
func parseSpan(cell string) (s span, ok bool) {
	if isNone(cell) {
		return none, true
	}
	if ms, err := strconv.ParseFloat(cell, 64); err == nil {
		d, fits := scale(ms, time.Millisecond)
		return span{length: d}, fits && d >= 0
	}
	total := time.Duration(0)
	for _, part := range strings.Fields(cell) {
		digits := strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz")
		value, err := strconv.ParseFloat(digits, 64)
		unit, known := units[part[len(digits):]]
		d, fits := scale(value, unit.length)
		if err != nil || !known || !fits || d < 0 || total > math.MaxInt64-d {
			return none, false
		}
		total += d
		s.slack = max(s.slack, unit.slack)
	}
	s.length = total
	return s, true
}

// units are those of formatted durations, with what is rounded away where it is the greatest.
var units = map[string]span{
	"ms": {time.Millisecond, 0},
	"s":  {time.Second, 50 * time.Millisecond},
	"m":  {time.Minute, time.Second},
	"h":  {time.Hour, time.Second},
	"d":  {24 * time.Hour, time.Second},
}

func scale(value float64, unit time.Duration) (time.Duration, bool) {
	ns := math.Round(value * float64(unit))
	if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
		return 0, false
	}
	return time.Duration(ns), true
}

// layouts are the forms of dates: that of a trace, with other digits of seconds and zones as JSON has them.
var layouts = []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}

var zoned = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00"}

// parseMoment reads a date or whole milliseconds since 1970. local: it has no zone and was read as if it were in UTC.
func parseMoment(cell string) (m records.Moment, local, ok bool) {
	if isNone(cell) || cell == "0" {
		return records.Unknown, false, true
	}
	if ms, err := strconv.ParseInt(cell, 10, 64); err == nil {
		m = records.At(time.UnixMilli(ms))
		return m, false, m.Known()
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, cell); err == nil {
			m = records.At(t)
			return m, true, m.Known()
		}
	}
	for _, layout := range zoned {
		if t, err := time.Parse(layout, cell); err == nil {
			m = records.At(t)
			return m, false, m.Known()
		}
	}
	return records.Unknown, false, false
}

// parseSize reads "12.8 MB", where a KB is 1024 bytes, or whole bytes. -1 if nothing was recorded.
func parseSize(cell string) (size int64, ok bool) {
	if isNone(cell) {
		return -1, true
	}
	number, unit, _ := strings.Cut(cell, " ")
	factor := 1.0
	if unit != "" && unit != "B" {
		power := strings.Index("KMGTPE", strings.TrimSuffix(unit, "B"))
		if power < 0 || len(unit) != 2 {
			return -1, false
		}
		factor = math.Pow(1024, float64(power+1))
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !(value >= 0) || value*factor >= math.MaxInt64 {
		return -1, false
	}
	return int64(math.Round(value * factor)), true
}

// parsePercent reads "84.6%" or 84.6. -1 if nothing was recorded.
func parsePercent(cell string) (percent float64, ok bool) {
	if isNone(cell) {
		return -1, true
	}
	value, err := strconv.ParseFloat(strings.TrimSuffix(cell, "%"), 64)
	if err != nil || !(value >= 0) || math.IsInf(value, 0) {
		return -1, false
	}
	return value, true
}
