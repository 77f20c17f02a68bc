package digest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// durations returns n log-normal nanosecond values around nine milliseconds.
func durations(n int) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	vs := make([]int64, n)
	for i := range vs {
		vs[i] = int64(math.Exp(16 + 1.2*r.NormFloat64()))
	}
	return vs
}

func filled(n int) *Sketch {
	s := new(Sketch)
	s.AddSlice(durations(n))
	return s
}

func BenchmarkAdd(b *testing.B) {
	vs, s, i := durations(1<<20), filled(1<<20), 0
	for b.Loop() {
		s.Add(vs[i&(1<<20-1)])
		i++
	}
}

func BenchmarkAddSlice(b *testing.B) {
	vs, s := durations(1<<20), new(Sketch)
	for b.Loop() {
		s.AddSlice(vs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/value")
}

func BenchmarkAddSliceZeros(b *testing.B) {
	vs, s := durations(1<<20), new(Sketch)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range vs {
		if r.Float64() < 0.6 {
			vs[i] = 0
		}
	}
	for b.Loop() {
		s.AddSlice(vs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/value")
}

func BenchmarkAddFloats(b *testing.B) {
	s, _ := New(Config{Kind: Float})
	vs := make([]float64, 1<<20)
	for i, v := range durations(len(vs)) {
		vs[i] = float64(v) / 1e6
	}
	for b.Loop() {
		s.AddFloats(vs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20), "ns/value")
}

func BenchmarkMerge(b *testing.B) {
	s, shard := filled(1<<20), filled(1000)
	for b.Loop() {
		if err := s.Merge(shard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuantiles(b *testing.B) {
	s, room := filled(1<<20), make([]Estimate, 0, 5)
	for b.Loop() {
		s.AppendQuantiles(room, 0.5, 0.75, 0.9, 0.95, 0.99)
	}
}

func BenchmarkSummary(b *testing.B) {
	s := filled(1 << 20)
	for b.Loop() {
		s.Summary()
	}
}

func BenchmarkEncode(b *testing.B) {
	s := filled(1 << 20)
	dst, _ := s.AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = s.AppendBinary(dst[:0])
	}
	b.ReportMetric(float64(len(dst)), "bytes")
}

func BenchmarkMergeBinary(b *testing.B) {
	s := filled(1 << 20)
	shard, _ := filled(1000).MarshalBinary()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.MergeBinary(shard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(shard)), "bytes")
}
