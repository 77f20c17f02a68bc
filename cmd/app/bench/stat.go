package bench

import (
	"fmt"
	"runtime"
	"time"
)

// timing is what one run took.
type timing struct {
	makespan time.Duration // submission to end
	drained  time.Duration // submission to complete record
}

// sample is the mean of some runs in a row.
type sample struct {
	makespan, drained, cpu float64 // ns a task
	bytes                  float64 // allocated a task
}

// take measures n runs of a graph with that many tasks. It starts from a clean heap, so that no run pays for what
// the one before has left.
func take(n, tasks int, run func() (timing, error)) (sample, error) {
	var before, after runtime.MemStats
	runtime.GC()
	cpu := settledTime()
	runtime.ReadMemStats(&before)
	var total timing
	for range n {
		t, err := run()
		if err != nil {
			return sample{}, err
		}
		total.makespan += t.makespan
		total.drained += t.drained
	}
	runtime.ReadMemStats(&after)
	cpu = settledTime() - cpu
	each := 1 / float64(n*tasks)
	return sample{
		makespan: float64(total.makespan) * each, drained: float64(total.drained) * each, cpu: float64(cpu) * each,
		bytes: float64(after.TotalAlloc-before.TotalAlloc) * each,
	}, nil
}

// settledTime is the processor time once all threads are at rest: of threads that run on other processors the system
// knows the time only as of its last tick, some milliseconds ago.
func settledTime() time.Duration {
	time.Sleep(2 * time.Millisecond)
	return ProcessorTime()
}

// Stat sums up one figure over the rounds.
type Stat struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
}

// NewStat sums up at least one value.
func NewStat(values []float64) Stat {
	series := NewSeries(values)
	return Stat{Min: series[0], Median: series[len(series)/2]}
}

func statOf(samples []sample, figure func(sample) float64) Stat {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return NewStat(values)
}

// Goal is one figure and what it should be.
type Goal struct {
	Name string  `json:"name"`
	Got  float64 `json:"got"`
	Want float64 `json:"want"`
	// AtLeast: Got should be at least Want; otherwise at most.
	AtLeast bool `json:"at_least,omitempty"`
	Met     bool `json:"met"`
}

// AtMost is a goal that is met by figures up to want.
func AtMost(name string, got, want float64) Goal {
	return Goal{Name: name, Got: got, Want: want, Met: got <= want}
}

// AtLeast is a goal that is met by figures from want.
func AtLeast(name string, got, want float64) Goal {
	return Goal{Name: name, Got: got, Want: want, AtLeast: true, Met: got >= want}
}

// String gives one line.
func (g Goal) String() string {
	sign, verdict := "<=", "MISSED"
	if g.AtLeast {
		sign = ">="
	}
	if g.Met {
		verdict = "met"
	}
	return fmt.Sprintf("%-6s  %s: %.4g, goal %s %.4g", verdict, g.Name, g.Got, sign, g.Want)
}
