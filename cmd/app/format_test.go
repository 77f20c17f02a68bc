package app

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                "0 ns",
		999:                              "999 ns",
		time.Microsecond:                 "1 µs",
		1_024:                            "1 µs 24 ns",
		999_999:                          "999 µs 999 ns",
		time.Millisecond:                 "1 ms",
		340_012_000:                      "340 ms 12 µs",
		340_012_499:                      "340 ms 12 µs",
		999_999_499:                      "999 ms 999 µs",
		999_999_500:                      "1.00 s",
		1_240_000_000:                    "1.24 s",
		9_994_000_000:                    "9.99 s",
		9_996_000_000:                    "10.0 s",
		59_949_000_000:                   "59.9 s",
		59_999_000_000:                   "1 min",
		61_400 * time.Millisecond:        "1 min 1 s",
		59*time.Minute + 29*time.Second:  "59 min 29 s",
		time.Hour - time.Second:          "59 min 59 s",
		time.Hour + 90*time.Second:       "1 h 2 min",
		24 * time.Hour:                   "24 h",
		5000 * time.Hour:                 "5,000 h",
		-1_240_000_000:                   "−1.24 s",
		99*time.Hour + 45*time.Minute:    "100 h",
		99*time.Hour + 29*time.Minute:    "99 h 29 min",
		time.Duration(1<<63 - 1):         "2,562,047 h",
		59*time.Minute + 31*time.Second:  "59 min 31 s",
		time.Hour - 500*time.Millisecond: "1 h",
		999*time.Millisecond + 1_000_000: "1.00 s",
	} {
		assert.Equal(t, want, duration(d), "duration(%d)", d)
	}
}

// TestDurationIsNeverFarOff reads durations back.
func TestDurationIsNeverFarOff(t *testing.T) {
	units := map[string]time.Duration{
		"ns": 1, "µs": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour,
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(90*time.Hour)).Draw(t, "d"))
		got := readDuration(t, duration(d), units)
		// Three digits are off by at most 0.5 %, minutes after a single hour by half a minute.
		if off := (got - d).Abs(); float64(off) > 0.0084*float64(d) {
			t.Fatalf("duration(%d) = %q, which is %d", d, duration(d), got)
		}
	})
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "–", 0: "0 B", 1: "1 B", 999: "999 B", 1000: "0.98 KiB", 1024: "1.00 KiB", 1536: "1.50 KiB", 10_240: "10.0 KiB",
		102_400: "100 KiB", 1 << 20: "1.00 MiB", 1 << 30: "1.00 GiB", 1 << 62: "4,096 PiB",
	} {
		assert.Equal(t, want, size(n), "size(%d)", n)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567", -1000: "−1,000", -1 << 63: "−9,223,372,036,854,775,808",
	} {
		assert.Equal(t, want, count(n), "count(%d)", n)
	}
}

func TestOneLine(t *testing.T) {
	assert.Equal(t, "a b [31mc", oneLine("a\nb\x1b[31mc", 40))
	assert.Equal(t, "äöü…", oneLine("äöüßä", 4))
	assert.Equal(t, "äöüß", oneLine("äöüß", 4))
	assert.Equal(t, "a�b", oneLine("a\xffb", 4))
	assert.Equal(t, "exe.�gpj �x�", oneLine("exe.\u202egpj \u2067x\u2069", 40), "nothing turns the direction of a line")
	assert.Equal(t, "שלום \u200f(1)", oneLine("שלום \u200f(1)", 40))
	assert.Equal(t, "  a\n      b c\n", paragraphs("a\n\tb\x07c\n\n", "  "))
}

// readDuration undoes duration.
func readDuration(t *rapid.T, text string, units map[string]time.Duration) time.Duration {
	total := 0.0
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i += 2 {
		v, err := strconv.ParseFloat(words[i], 64)
		if err != nil || units[words[i+1]] == 0 {
			t.Fatalf("%q is not a duration", text)
		}
		total += v * float64(units[words[i+1]])
	}
	return time.Duration(total)
}
