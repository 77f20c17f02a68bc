package findings

import (
	"math"
	"strconv"
	"strings"
)

const (
	microsecond = 1e3
	millisecond = 1e6
	second      = 1e9
	minute      = 60 * second
	hour        = 60 * minute
	day         = 24 * hour
)

// noValue stands for what is not known.
const noValue = "–"

// duration is such as 45.4 s, 1.62 s, 868 ms, 21.3 ms, 1.06 µs, whole ns, and from a minute on two units: 3m 01s.
func duration(ns float64) string {
	switch {
	case math.IsNaN(ns) || math.IsInf(ns, 0):
		return noValue
	case ns < 0:
		return "−" + duration(-ns)
	case ns == 0:
		return "0 s"
	case ns < 0.9995*microsecond:
		return fixed(ns, 0) + " ns"
	case ns < 0.9995*millisecond:
		return threeFigures(ns/microsecond) + " µs"
	case ns < 0.9995*second:
		return threeFigures(ns/millisecond) + " ms"
	case ns < 59.95*second:
		return threeFigures(ns/second) + " s"
	}
	return twoUnits(ns)
}

// twoUnits has one for whole days, hours and minutes, which are set by people, never measured.
func twoUnits(ns float64) string {
	switch {
	case math.Mod(ns, day) == 0:
		return count(ns/day) + "d"
	case ns < day && math.Mod(ns, hour) == 0:
		return fixed(ns/hour, 0) + "h"
	case ns < hour && math.Mod(ns, minute) == 0:
		return fixed(ns/minute, 0) + "m"
	}
	pair := func(n int64, of int64, large, small string) string {
		rest := strconv.FormatInt(n%of, 10)
		if len(rest) < 2 {
			rest = "0" + rest
		}
		return count(float64(n/of)) + large + " " + rest + small
	}
	if seconds := math.Round(ns / second); seconds < 3600 {
		return pair(int64(seconds), 60, "m", "s")
	}
	if minutes := math.Round(ns / minute); minutes < 24*60 {
		return pair(int64(minutes), 60, "h", "m")
	}
	return pair(int64(math.Round(ns/hour)), 24, "d", "h")
}

func threeFigures(v float64) string {
	switch {
	case v >= 99.95:
		return fixed(v, 0)
	case v >= 9.995:
		return fixed(v, 1)
	}
	return fixed(v, 2)
}

// fixed has so many places; what lies exactly between two numbers is rounded up, as on the page. FormatFloat rounds it to
// the even one.
func fixed(v float64, places int) string {
	power := math.Pow10(places)
	whole := math.Floor(v * power)
	if math.FMA(v, power, -whole) >= 0.5 {
		whole++
	}
	return strconv.FormatFloat(whole/power, 'f', places, 64)
}

// percent is such as 97 %, < 1 %, > 99 %.
func percent(share float64) string {
	switch {
	case math.IsNaN(share) || math.IsInf(share, 0):
		return noValue
	case share > 0 && share < 0.005:
		return "< 1 %"
	case share >= 0.995 && share < 1:
		return "> 99 %"
	}
	return fixed(share*100, 0) + " %"
}

// ratio is such as 2.2× and 14×.
func ratio(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return noValue
	case x >= 9.95:
		return count(x) + "×"
	}
	return fixed(x, 1) + "×"
}

// count is a whole number, such as 1,720.
func count(n float64) string {
	digits := strconv.FormatFloat(math.Floor(n+0.5), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// counted is a number with its noun: 1 task, 12 tasks.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(float64(n)) + " " + noun
}

var numerals = [...]string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}

// numeral is a whole number as one says it: two, twelve, 1,024.
func numeral(n int) string {
	if n >= 0 && n < len(numerals) {
		return numerals[n]
	}
	return count(float64(n))
}

// meanNumeral is a number of slots that changed: two if it did not, else 2.3 or 129.
func meanNumeral(mean float64) string {
	if whole := math.Round(mean); math.Abs(mean-whole) < 0.05 || mean >= 9.95 {
		return numeral(int(whole))
	}
	return fixed(mean, 1)
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// seconds is whole nanoseconds as seconds, exactly, as links have it.
func seconds(ns int64) string {
	text := strconv.FormatInt(ns/second, 10)
	if rest := ns % second; rest != 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(second+rest, 10)[1:], "0")
	}
	return text
}
