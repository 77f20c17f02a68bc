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

// Add is the moment d later; Unknown stays Unknown.
func (m Moment) Add(d time.Duration) Moment {
	if !m.Known() {
		return m
	}
	return m + Moment(d)
}

// Time is the moment as a time, the zero time if it is Unknown.
func (m Moment) Time() time.Time {
	if !m.Known() {
		return time.Time{}
	}
	return time.Unix(0, int64(m)).UTC()
}
