package table

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// timeUnits are nanoseconds.
var timeUnits = map[string]int64{
	"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9,
}

// sizeUnits are bytes, by names in lower case.
var sizeUnits = map[string]int64{
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// suffixes are the last words of names of columns that say a unit.
var suffixes = map[string]string{
	"ns": "ns", "nano": "ns", "nanos": "ns", "nanoseconds": "ns", "nsec": "ns",
	"us": "us", "micro": "us", "micros": "us", "microseconds": "us", "usec": "us", "µs": "us", "μs": "us",
	"ms": "ms", "milli": "ms", "millis": "ms", "milliseconds": "ms", "msec": "ms", "msecs": "ms",
	"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"m": "min", "min": "min", "mins": "min", "minutes": "min", "h": "h", "hr": "h", "hours": "h",
	"b": "b", "bytes": "b", "byte": "b", "kb": "kb", "mb": "mb", "gb": "gb", "kib": "kib", "mib": "mib", "gib": "gib",
}

// scaled is the number in text times unit, rounded down. Digits are never lost on the way, as they are in a float: a
// moment in seconds with a fraction has more than fit.
func scaled(text string, unit int64) (int64, bool) {
	if len(text) == 0 || len(text) > 64 || strings.ContainsAny(text, "xXpP_/") {
		return 0, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (n == 0 || math.MaxInt64/unit >= max(n, -n) && n != math.MinInt64) {
		return n * unit, true
	}
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.Abs(f) > 1e30 || math.Abs(f) < 1e-30 {
		return 0, err == nil && math.Abs(f) < 1 // without the powers of ten that a long exponent would need
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	return n.Int64(), n.IsInt64()
}

// isNumber reports whether a cell is a plain number.
func isNumber(cell string) bool {
	_, err := strconv.ParseFloat(cell, 64)
	return err == nil && !strings.ContainsAny(cell, "xXpP_nN")
}

// isNothing reports whether a cell is one of the words that tools write where they have nothing.
func isNothing(cell string) bool {
	switch strings.ToLower(cell) {
	case "", "-", "--", "null", "none", "nan", "nat", "n/a", "na", "unknown", "undefined", `\n`:
		return true
	}
	return false
}

// parseDuration reads a duration: a number of units, 1h2m3.5s, "1h 2m", 1-02:03:04, 02:03:04.5, 03:04 or ISO 8601.
func parseDuration(cell string, unit int64) (time.Duration, bool) {
	if n, ok := scaled(cell, unit); ok {
		return time.Duration(n), n >= 0
	}
	compact := strings.ReplaceAll(cell, " ", "")
	if d, err := time.ParseDuration(compact); err == nil {
		return d, d >= 0
	}
	if strings.Contains(cell, ":") {
		return clockDuration(cell)
	}
	lower := strings.ToLower(compact)
	iso := strings.HasPrefix(lower, "p")
	lower = strings.Replace(strings.TrimPrefix(lower, "p"), "t", "", 1)
	var total time.Duration
	if days, rest, ok := strings.Cut(lower, "d"); ok && !strings.HasPrefix(rest, "a") {
		n, ok := scaled(days, 24*3600e9)
		if !ok || n < 0 {
			return 0, false
		}
		if total, lower = time.Duration(n), rest; lower == "" {
			return total, true
		}
	} else if !iso {
		return 0, false
	}
	d, err := time.ParseDuration(lower)
	return total + d, err == nil && d >= 0
}

// clockDuration reads [D-][H:]M:S[.f] and, as Python and databases write them, "D days, H:M:S" and "1 day H:M:S".
func clockDuration(cell string) (time.Duration, bool) {
	var total int64
	for _, mark := range []string{" days, ", " day, ", " days ", " day ", "-"} {
		if days, rest, ok := strings.Cut(cell, mark); ok {
			n, ok := scaled(days, 24*3600e9)
			if !ok || n < 0 {
				return 0, false
			}
			total, cell = n, rest
			break
		}
	}
	parts := strings.Split(cell, ":")
	if len(parts) > 3 {
		return 0, false
	}
	for i, unit := 0, int64(math.Pow(60, float64(len(parts)-1))); i < len(parts); i, unit = i+1, unit/60 {
		n, ok := scaled(strings.TrimSpace(parts[i]), unit*1e9)
		if !ok || n < 0 || n > math.MaxInt64/4-total {
			return 0, false
		}
		total += n
	}
	return time.Duration(total), true
}

// parseSize reads a number of bytes: a number of units, or one with its own unit as in "1.5 GB" or 1024K, whose letters
// alone are powers of 1024.
func parseSize(cell string, unit int64) (int64, bool) {
	if n, ok := scaled(cell, unit); ok {
		return n, n >= 0
	}
	digits := strings.TrimRightFunc(cell, func(r rune) bool { return r < '0' || r > '9' })
	if digits == "" || len(digits) == len(cell) {
		return 0, false
	}
	name := strings.ToLower(strings.TrimSpace(cell[len(digits):]))
	if len(name) == 1 && name != "b" {
		name += "ib"
	}
	n, ok := scaled(digits, max(sizeUnits[name], 1))
	return n, ok && n >= 0 && sizeUnits[name] != 0
}
