package records_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// scales make records that are large in one way, by n.
var scales = map[string]struct {
	n    int
	make func(n int) *records.Run
}{
	"groups that wait for one":                   {10_000, manyGroups},
	"attempts of a task":                         {10_000, manyAttempts},
	"workers whose clocks contradict each other": {2_000, manyClocks},
	"parents":                 {100_000, manyParents},
	"lanes and functions":     {20_000, manyLanes},
	"workers without moments": {10_000, manyWorkers},
}

// TestScale: what a record takes grows as its size does. Of four times the size, quadratic work takes sixteen times as
// long; the best of some tries is compared, as other work disturbs each.
func TestScale(t *testing.T) {
	for name, c := range scales {
		t.Run(name, func(t *testing.T) {
			small, large := compiling(t, c.make(c.n)), compiling(t, c.make(4*c.n))
			for tries := 0; tries < 10 && large >= 9*small; tries++ {
				small, large = min(small, compiling(t, c.make(c.n))), min(large, compiling(t, c.make(4*c.n)))
			}
			require.Less(t, large, 9*small)
		})
	}
}

// compiling is how long a record takes.
func compiling(t *testing.T, r *records.Run) time.Duration {
	began := time.Now()
	_, err := records.Compile(r, records.Origin{})
	require.NoError(t, err)
	return time.Since(began)
}

// apart has tasks without edges.
func apart(n int) *records.Run {
	r := newRun(n)
	for i := range r.Tasks {
		r.Tasks[i].Parents = nil
	}
	return r
}

// manyGroups has n groups that all wait for one of n tasks.
func manyGroups(n int) *records.Run {
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

// manyAttempts has tasks with n attempts each.
func manyAttempts(n int) *records.Run {
	r := apart(4)
	for i := range r.Tasks {
		a := r.Tasks[i].Attempts[0]
		a.Outcome = record.OutcomeFailed
		for len(r.Tasks[i].Attempts) < n {
			r.Tasks[i].Attempts = append(r.Tasks[i].Attempts, a)
		}
	}
	return r
}

// manyClocks has pairs of tasks on n workers in a circle, of which the second starts a moment before the first has ended.
func manyClocks(n int) *records.Run {
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

// manyParents has n edges, to twenty tasks from all the others.
func manyParents(n int) *records.Run {
	r := apart(n/20 + 20)
	for i := n / 20; i < len(r.Tasks); i++ {
		for p := range int32(n / 20) {
			r.Tasks[i].Parents = append(r.Tasks[i].Parents, p)
		}
	}
	return r
}

// manyLanes has n tasks at the same time.
func manyLanes(n int) *records.Run {
	r := apart(n)
	for i := range r.Tasks {
		r.Tasks[i].Attempts[0].Started, r.Tasks[i].Attempts[0].Ended = second, 2*second
	}
	return r
}

// manyWorkers has n workers, and tasks that have to be placed on one.
func manyWorkers(n int) *records.Run {
	r := apart(n)
	for i := range r.Tasks {
		r.AddWorker(fmt.Sprint(i))
		a := &r.Tasks[i].Attempts[0]
		a.Worker, a.Started, a.Ended, a.Runtime = records.None, records.Unknown, records.Unknown, 5
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
