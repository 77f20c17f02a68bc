package records_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// TestExtremes draws records with numbers that no tool writes but damaged files have. Compile refuses them, or makes a
// run that keeps the laws.
func TestExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawExtreme(t)
		if _, err := records.Compile(r, records.Origin{}); err != nil {
			require.True(t, errors.Is(err, records.ErrFormat) || errors.Is(err, records.ErrTooLarge), err)
			return
		}
		rec := recordstest.Laws(t, r)
		require.False(t, rec.Info.StartedAt.Year() < 1970 || rec.End.EndedAt.Year() > 2600, "%s to %s", rec.Info.StartedAt, rec.End.EndedAt)
		require.False(t, rec.End.EndedAt.Before(rec.Info.StartedAt))
		require.GreaterOrEqual(t, rec.Info.Origin.Explained, time.Duration(0))
		require.GreaterOrEqual(t, rec.Info.Origin.Makespan, time.Duration(0))
		for _, w := range rec.Workers {
			require.True(t, 0 <= w.Started && w.Started <= w.Ended, "worker from %d to %d", w.Started, w.Ended)
			require.GreaterOrEqual(t, w.CPU, time.Duration(0))
			require.Positive(t, w.Width)
		}
	})
}

// extremes are moments and durations at the borders of what numbers can hold.
var extremes = []int64{
	math.MinInt64, math.MinInt64 + 1, -1 << 62, -1 << 61, -1, 0, 1, 1e9, 1796000000e9, 1 << 60, 1 << 61, 1 << 62, math.MaxInt64 - 1, math.MaxInt64,
}

func drawExtreme(t *rapid.T) *records.Run {
	r := drawRun(t)
	extreme := func(what string) int64 { return rapid.SampledFrom(extremes).Draw(t, what) }
	rare := rapid.SampledFrom([]int{4, 40, 200}).Draw(t, "rare")
	someTimes := func(what string) bool { return rapid.IntRange(1, rare).Draw(t, what) == rare }
	moment := func(what string, m *records.Moment) {
		if someTimes(what + " is extreme") {
			*m = records.Moment(extreme(what))
		}
	}
	duration := func(what string, d *time.Duration) {
		if someTimes(what + " is extreme") {
			*d = time.Duration(extreme(what))
		}
	}
	index := func(what string, i *int32) {
		if someTimes(what + " is wrong") {
			*i = rapid.SampledFrom([]int32{math.MinInt32, -2, 3, 1 << 20, math.MaxInt32}).Draw(t, what)
		}
	}
	moment("started", &r.Started)
	moment("ended", &r.Ended)
	moment("date", &r.Date)
	duration("makespan", &r.Makespan)
	r.Undated = rapid.Bool().Draw(t, "undated")
	r.Key = rapid.SampledFrom([]string{"", "key", "\x00"}).Draw(t, "key")
	for i := range r.Workers {
		moment("worker started", &r.Workers[i].Started)
		moment("worker ended", &r.Workers[i].Ended)
		duration("worker CPU", &r.Workers[i].CPU)
		r.Workers[i].Cores = rapid.SampledFrom([]int{0, -1, 1, 4, math.MaxInt}).Draw(t, "cores")
	}
	for i := range r.Groups {
		moment("group ready", &r.Groups[i].Ready)
		r.Groups[i].After = append(r.Groups[i].After, int32(rapid.IntRange(-1, 4).Draw(t, "after")))
	}
	for i := range r.Tasks {
		task := &r.Tasks[i]
		index("group", &task.Group)
		task.Cores = rapid.SampledFrom([]int{0, -1, 1, 4, math.MaxInt}).Draw(t, "cores")
		task.OutputBytes = rapid.SampledFrom([]int64{-1, 0, math.MinInt64, math.MaxInt64}).Draw(t, "output")
		if rapid.Bool().Draw(t, "inputs") {
			task.Inputs = []records.Input{{From: int32(rapid.IntRange(-3, 20).Draw(t, "from")), Bytes: extreme("bytes")}, {From: records.None, Bytes: extreme("bytes")}}
		}
		for k := range task.Attempts {
			a := &task.Attempts[k]
			for n, m := range []*records.Moment{&a.Ready, &a.Claimed, &a.Started, &a.Ended, &a.Over} {
				moment(fmt.Sprint("moment ", n), m)
			}
			duration("fetch", &a.Fetch)
			duration("runtime", &a.Runtime)
			index("worker", &a.Worker)
			index("lane", &a.Lane)
			if rapid.Bool().Draw(t, "usage") {
				a.Usage = records.NewUsage()
				duration("CPU", &a.Usage.CPU)
			}
			if rapid.Bool().Draw(t, "error") {
				a.Error = &records.Failure{Kind: record.ErrorKind("odd"), Message: "\x00\xff"}
			}
		}
	}
	return r
}
