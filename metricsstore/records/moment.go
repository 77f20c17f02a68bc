package records

import (
	"math"
	"time"
)

// Moment is a point in time: nanoseconds since 1970 in UTC or, in a run that is Undated, since any moment that all
// moments of the run have in common.
type Moment int64

// Unknown is a moment that was not recorded.
const Unknown Moment = math.MinInt64

// At is the moment of t. It is Unknown for the zero time, and for years before 1970 or after 2261, which tools write
// where they have no time.
func At(t time.Time) Moment {
	if y := t.Year(); y < 1970 || y > 2261 {
		return Unknown
	}
	return Moment(t.UnixNano())
}

// Known reports whether the moment was recorded.
func (m Moment) Known() bool { return m != Unknown }

// Add is the moment d later, at most the last and at least the first that can be known; Unknown stays Unknown.
func (m Moment) Add(d time.Duration) Moment {
	sum := m + Moment(d)
	switch {
	case !m.Known():
		return m
	case d > 0 && sum < m:
		return math.MaxInt64
	case d < 0 && (sum > m || !sum.Known()):
		return Unknown + 1
	}
	return sum
}

// Time is the moment as a time, the zero time if it is Unknown.
func (m Moment) Time() time.Time {
	if !m.Known() {
		return time.Time{}
	}
	return time.Unix(0, int64(m)).UTC()
}
