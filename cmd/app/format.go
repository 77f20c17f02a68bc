package app

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// duration formats a duration with two units, or as seconds with three digits.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + duration(-d)
	case d >= 99*time.Hour+30*time.Minute:
		return count(int64(d.Round(time.Hour)/time.Hour)) + " h"
	case d >= time.Hour-500*time.Millisecond:
		return twoUnits(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	case d >= time.Minute-5*time.Millisecond:
		return twoUnits(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d >= time.Second-500*time.Nanosecond:
		return figures(d.Seconds()) + " s"
	case d >= time.Millisecond:
		return twoUnits(d.Round(time.Microsecond), time.Millisecond, "ms", time.Microsecond, "µs")
	default:
		return twoUnits(d, time.Microsecond, "µs", time.Nanosecond, "ns")
	}
}

// twoUnits omits a unit that is 0, unless both are.
func twoUnits(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	a, b := int64(d/large), int64(d%large/small)
	switch {
	case a == 0:
		return fmt.Sprintf("%d %s", b, smallName)
	case b == 0:
		return fmt.Sprintf("%d %s", a, largeName)
	}
	return fmt.Sprintf("%d %s %d %s", a, largeName, b, smallName)
}

// figures formats a positive number with three digits below 1,000, and as a whole number above.
func figures(v float64) string {
	switch {
	case v >= 99.95:
		return count(int64(v + 0.5))
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// size formats a number of bytes in IEC units with three digits; a negative number is unknown.
func size(n int64) string {
	if n < 0 {
		return "–"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	v, i := float64(n), 0
	for v >= 999.5 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return figures(v) + " " + units[i]
}

// count formats a whole number with commas between groups of three digits.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural formats a count with its noun, whose plural must end in s.
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// moment formats a time in the local zone; a zero time is unknown.
func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// oneLine makes a text fit into a cell of a table: control characters become spaces, and a long text is cut.
func oneLine(s string, most int) string {
	s = printable(s)
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// printable replaces characters that would move a terminal's cursor, change its colours, or reverse the direction of the
// text after them; the latter by a visible character, so that a text cannot be disguised as another one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return ' '
		case r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069': // embeddings, overrides, isolates
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// paragraphs is printable for texts of several lines, which are indented.
func paragraphs(s, indent string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
		b.WriteString(indent + printable(line) + "\n")
	}
	return b.String()
}

// orDash replaces an empty text by a dash.
func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
