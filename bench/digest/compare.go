package digest

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/digest"
)

// axis is one comparison: ours over the peer's is to be at most goal, where there is one.
type axis struct {
	name, peer string
	unit       string
	goal       float64
	ours, its  float64
}

// Compare measures every axis and writes a table: axis, ours, peer, ratio, goal, met. It takes a few seconds.
func Compare(w io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	vs := durations(values)
	var axes []axis
	for _, measure := range []func([]int64) []axis{adding, merging, asking, storing, erring} {
		axes = append(axes, measure(vs)...)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "axis\tours\tpeer\tratio\tgoal\tmet")
	for _, a := range axes {
		ratio := a.ours / a.its
		fmt.Fprintf(t, "%s\t%.4g %s\t%.4g %s, %s\t%.3f\t", a.name, a.ours, a.unit, a.its, a.unit, a.peer, ratio)
		if a.goal == 0 {
			fmt.Fprintln(t, "-\t-")
			continue
		}
		fmt.Fprintf(t, "%.2f\t%v\n", a.goal, ratio <= a.goal)
	}
	return t.Flush()
}

const rounds = 200

// quickest runs the works in turns and returns the nanoseconds that each takes for one operation in its quickest
// round. A work does ops operations in a round.
func quickest(ops int, works ...func()) []float64 {
	ways := make([]func() (float64, error), len(works))
	for i, work := range works {
		ways[i] = func() (float64, error) {
			start := cpuTime()
			work()
			return float64(cpuTime()-start) / float64(ops), nil
		}
	}
	samples, err := bench.Interleave(context.Background(), rounds, ways...)
	must(err) // the works have none
	best := make([]float64, len(works))
	for i := range best {
		best[i] = slices.Min(samples[i])
	}
	return best
}

// repeated returns a work that does another one so many times.
func repeated(times int, work func()) func() {
	return func() {
		for range times {
			work()
		}
	}
}

func adding(vs []int64) []axis {
	const ops = 1 << 16
	s, sliced, hdr, dd, td := newOurs(vs), newOurs(vs), newHDR(vs), newFastest(vs), newTDigest(vs[:ops])
	vs = vs[:ops]
	best := quickest(ops,
		func() {
			for _, v := range vs {
				s.Add(v)
			}
		},
		func() {
			for start := 0; start < len(vs); start += 512 {
				sliced.AddSlice(vs[start : start+512])
			}
		},
		func() {
			for _, v := range vs {
				_ = hdr.RecordValue(v)
			}
		},
		func() {
			for _, v := range vs {
				_ = dd.Add(float64(v))
			}
		})
	slow := quickest(ops/64, func() {
		for _, v := range vs[:ops/64] {
			_ = td.Add(float64(v))
		}
	})
	return []axis{
		{"Add", "HDR 2-digit", "ns", 1.0, best[0], best[2]},
		{"Add", "sketches-go fastest", "ns", 0.4, best[0], best[3]},
		{"Add", "go-tdigest", "ns", 0, best[0], slow[0]},
		{"AddSlice of 512", "HDR 2-digit", "ns", 0.5, best[1], best[2]},
	}
}

func merging(vs []int64) []axis {
	const ops = 200
	s, dd := newOurs(vs), newDense(vs)
	shard, its := newOurs(vs[:shardSize]), newDense(vs[:shardSize])
	stored, err := shard.MarshalBinary()
	must(err)
	var itsStored []byte
	its.Encode(&itsStored, false)
	best := quickest(ops,
		repeated(ops, func() { must(s.Merge(shard)) }),
		repeated(ops, func() { must(dd.MergeWith(its)) }),
		repeated(ops, func() { must(s.MergeBinary(stored)) }),
		repeated(ops, func() { must(dd.DecodeAndMergeWith(itsStored)) }))
	return []axis{
		{"Merge of 1,000 into 1e6", "sketches-go dense", "ns", 0.4, best[0], best[1]},
		{"Fold of 1,000 from bytes", "sketches-go dense", "ns", 0.5, best[2], best[3]},
	}
}

func asking(vs []int64) []axis {
	const ops = 500
	s, hdr, dd := newOurs(vs), newHDR(vs), newDense(vs)
	room := make([]digest.Estimate, 0, len(quantiles))
	percentiles := make([]float64, len(quantiles))
	for i, q := range quantiles {
		percentiles[i] = 100 * q
	}
	best := quickest(ops,
		repeated(ops, func() { s.AppendQuantiles(room, quantiles...) }),
		repeated(ops, func() { hdr.ValueAtPercentilesSlice(percentiles) }),
		repeated(ops, func() {
			_, err := dd.GetValuesAtQuantiles(quantiles)
			must(err)
		}))
	return []axis{
		{"Five quantiles", "HDR 2-digit", "ns", 0.5, best[0], best[1]},
		{"Five quantiles", "sketches-go dense", "ns", 0, best[0], best[2]},
	}
}

func storing(vs []int64) []axis {
	const ops = 100
	var axes []axis
	for _, n := range []int{shardSize, values} {
		var theirs []byte
		newDense(vs[:n]).Encode(&theirs, false)
		ours, err := newOurs(vs[:n]).MarshalBinary()
		must(err)
		name := fmt.Sprintf("Encoded size of %.0e", float64(n))
		axes = append(axes, axis{name, "sketches-go with statistics", "bytes", 0.6, float64(len(ours)), float64(len(theirs))})
	}
	s, dd := newOurs(vs), newDefault(vs)
	var ours, theirs []byte
	best := quickest(ops,
		repeated(ops, func() { ours, _ = s.AppendBinary(ours[:0]) }),
		repeated(ops, func() {
			theirs = theirs[:0]
			dd.Encode(&theirs, false)
		}))
	return append(axes, axis{"Encoding of 1e6", "sketches-go default", "ns", 0.7, best[0], best[1]})
}
