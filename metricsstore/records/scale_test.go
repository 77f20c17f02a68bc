package records_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// scales are records that are large in one way.
var scales = map[string]func() *records.Run{
	"groups that wait for one":                   manyGroups,
	"attempts of a task":                         manyAttempts,
	"workers whose clocks contradict each other": manyClocks,
	"parents": func() *records.Run {
		r := apart(50_000)
		for i := 49_980; i < 50_000; i++ {
			for p := range int32(49_000) {
				r.Tasks[i].Parents = append(r.Tasks[i].Parents, p)
			}
		}
		return r
	},
	"lanes and functions": func() *records.Run {
		r := apart(100_000)
		for i := range r.Tasks {
			r.Tasks[i].Attempts[0].Started, r.Tasks[i].Attempts[0].Ended = second, 2*second
		}
		return r
	},
	"workers without moments": func() *records.Run {
		r := apart(60_000)
		for i := range r.Tasks {
			r.AddWorker(fmt.Sprint(i))
			a := &r.Tasks[i].Attempts[0]
			a.Worker, a.Started, a.Ended, a.Runtime = records.None, records.Unknown, records.Unknown, 5
		}
		return r
	},
}

// TestScale compiles records that are large in one way, which takes about as long as their size says.
func TestScale(t *testing.T) {
	for name, build := range scales {
		t.Run(name, func(t *testing.T) {
			r := build()
			began := time.Now()
			_, err := records.Compile(r, records.Origin{})
			require.NoError(t, err)
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

// apart has tasks without edges.
func apart(n int) *records.Run {
	r := newRun(n)
	for i := range r.Tasks {
		r.Tasks[i].Parents = nil
	}
	return r
}

func manyGroups() *records.Run {
	const n = 100_000
	r := apart(2 * n)
	r.Groups = []records.Group{{Name: "first", Ready: records.Unknown}}
	for i := range r.Tasks {
		r.Tasks[i].Group = int32(max(0, i-n))
		if i > n {
			r.Groups = append(r.Groups, records.Group{Name: "next", Ready: records.Unknown, After: []int32{0}})
		}
	}
	return r
}

func manyAttempts() *records.Run {
	r := apart(4)
	for i := range r.Tasks {
		a := r.Tasks[i].Attempts[0]
		a.Outcome = record.OutcomeFailed
		for len(r.Tasks[i].Attempts) < records.MaxAttempts {
			r.Tasks[i].Attempts = append(r.Tasks[i].Attempts, a)
		}
	}
	return r
}

// manyClocks has pairs of tasks on workers in a circle, of which the second starts a moment before the first has ended.
func manyClocks() *records.Run {
	const n = 20_000
	r := apart(2 * n)
	for i := range n {
		r.AddWorker(fmt.Sprint(i))
	}
	for i := range r.Tasks {
		a := &r.Tasks[i].Attempts[0]
		a.Started, a.Ended, a.Worker = second, 2*second, int32(i%n)
		if i >= n {
			r.Tasks[i].Parents = []int32{int32((i - n + 1) % n)}
			a.Started, a.Ended = 2*second-1, 3*second
		}
	}
	return r
}

// TestFunctions: a record with more functions than a run can have is still one.
func TestFunctions(t *testing.T) {
	r := apart(70_000)
	rec, err := records.Compile(r, records.Origin{})
	require.NoError(t, err)
	require.Len(t, rec.Graph.Functions(), 1<<16-1)
	require.EqualValues(t, 70_000-(1<<16-2), noteOf(rec, "tasks and groups are of further functions than a run can have and count as one, others"))
}

// TestParts splits a worker with more lanes than one can have.
func TestParts(t *testing.T) {
	r := apart(70_000)
	r.AddWorker("other")
	r.Workers[0].CPU = time.Second
	for i := range r.Tasks {
		r.Tasks[i].Function = "f"
		r.Tasks[i].Attempts[0].Started, r.Tasks[i].Attempts[0].Ended = second, 2*second
	}
	rec, err := records.Compile(r, records.Origin{})
	require.NoError(t, err)
	require.Equal(t, "w, part 2", rec.Workers[2].Name)
	require.Zero(t, rec.Workers[2].CPU, "the CPU time of the worker is that of its first part")
}
