package predict

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/metricsstore"
)

// TimeOf is how long a function, or a transfer, takes for inputs of some size.
type TimeOf struct {
	metricsstore.FunctionName
	// FromBytes and ToBytes bound the size of the inputs, FromBytes included, ToBytes not; both absent where the size is
	// not known.
	FromBytes *int64 `json:"from_bytes,omitempty" doc:"Least size of the inputs; absent where it is not known."`
	ToBytes   *int64 `json:"to_bytes,omitempty" doc:"What the size of the inputs is less than."`
	N         uint64 `json:"n"`
	// Time is absent with fewer than MinN.
	Time  *Interval `json:"time,omitempty" doc:"Absent if there are not enough samples."`
	MinN  int       `json:"min_n" doc:"How many samples a prediction takes."`
	Exact bool      `json:"exact" doc:"The quantiles are those of the samples, and not within a percent of them."`
}

// timesOf digests the tasks of a history. A transfer is one that took time; those of one process take none.
func timesOf(history []*observation) (functions, transfers []TimeOf) {
	execute, fetch := metricsstore.SizedTimes{}, metricsstore.SizedTimes{}
	for _, o := range history {
		for n := range o.tasks {
			t := &o.tasks[n]
			p := o.numbering.Locate(dag.NodeID(n))
			f, ok := functionAt(o.numbering.Graph(), p)
			if !ok || !t.done || t.over == 0 {
				continue
			}
			execute.Add(metricsstore.NewSizedFunction(f, t.inputBytes), t.execute)
			if t.fetch > 0 {
				fetch.Add(metricsstore.NewSizedFunction(metricsstore.FunctionName{}, t.inputBytes), t.fetch)
			}
		}
	}
	return listed(execute), listed(fetch)
}

func listed(t metricsstore.SizedTimes) []TimeOf {
	keys := slices.SortedFunc(maps.Keys(t), func(a, b metricsstore.SizedFunction) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Size, b.Size))
	})
	out := make([]TimeOf, 0, len(keys))
	for _, key := range keys {
		s := t[key]
		one := TimeOf{FunctionName: key.FunctionName, N: s.N(), MinN: MinSamples, Exact: s.Exact()}
		if key.Size >= 0 {
			from, to := int64(1)<<key.Size>>1, int64(1)<<min(key.Size, 62)
			one.FromBytes, one.ToBytes = &from, &to
		}
		if one.N >= MinSamples {
			at := s.AppendQuantiles(nil, quantiles[:]...)
			one.Time = &Interval{P10NS: whole(at[0].Value), P50NS: whole(at[1].Value), P90NS: whole(at[2].Value)}
		}
		out = append(out, one)
	}
	return out
}
