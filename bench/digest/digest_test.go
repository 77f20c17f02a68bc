package digest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/dagscope/dagscope/digest"
)

// TestCompare shows the table, and that it has every axis. Whether goals are met is for who reads it: a test must
// not fail on a busy machine.
func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds")
	}
	var out bytes.Buffer
	if err := Compare(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Add ", "AddSlice", "Merge", "Fold", "Five", "Encoded", "Encoding", "Worst"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q", want)
		}
	}
	_, _ = os.Stdout.Write(out.Bytes())
}

func BenchmarkAdd(b *testing.B) {
	vs := durations(values)
	s, hdr, fastest, plain, td := newOurs(nil), newHDR(nil), newFastest(nil), newDefault(nil), newTDigest(nil)
	for _, bb := range []struct {
		name string
		add  func(v int64)
	}{
		{"ours", s.Add},
		{"hdr", func(v int64) { _ = hdr.RecordValue(v) }},
		{"sketches-go-fastest", func(v int64) { _ = fastest.Add(float64(v)) }},
		{"sketches-go-default", func(v int64) { _ = plain.Add(float64(v)) }},
		{"tdigest", func(v int64) { _ = td.Add(float64(v)) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				bb.add(vs[i&(values-1)])
				i++
			}
		})
	}
}

func BenchmarkMerge(b *testing.B) {
	vs := durations(values)
	s, dd := newOurs(vs), newDense(vs)
	shard, its := newOurs(vs[:shardSize]), newDense(vs[:shardSize])
	run(b, "ours", func() { must(s.Merge(shard)) })
	run(b, "sketches-go-dense", func() { must(dd.MergeWith(its)) })
}

func BenchmarkMergeBinary(b *testing.B) {
	vs := durations(values)
	s, dd := newOurs(vs), newDense(vs)
	shard, err := newOurs(vs[:shardSize]).MarshalBinary()
	must(err)
	var its []byte
	newDense(vs[:shardSize]).Encode(&its, false)
	run(b, "ours", func() { must(s.MergeBinary(shard)) })
	run(b, "sketches-go-dense", func() { must(dd.DecodeAndMergeWith(its)) })
}

func BenchmarkQuantiles(b *testing.B) {
	vs := durations(values)
	s, hdr, dd, td := newOurs(vs), newHDR(vs), newDense(vs), newTDigest(vs[:1<<16])
	room := make([]digest.Estimate, 0, len(quantiles))
	run(b, "ours", func() { s.AppendQuantiles(room, quantiles...) })
	run(b, "hdr", func() { hdr.ValueAtPercentilesSlice([]float64{50, 75, 90, 95, 99}) })
	run(b, "sketches-go-dense", func() { _, _ = dd.GetValuesAtQuantiles(quantiles) })
	run(b, "tdigest", func() {
		for _, q := range quantiles {
			td.Quantile(q)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	vs := durations(values)
	s, dd, plain := newOurs(vs), newDense(vs), newDefault(vs)
	var dst []byte
	run(b, "ours", func() { dst, _ = s.AppendBinary(dst[:0]) })
	run(b, "sketches-go-dense", func() {
		dst = dst[:0]
		dd.Encode(&dst, false)
	})
	run(b, "sketches-go-default", func() {
		dst = dst[:0]
		plain.Encode(&dst, false)
	})
}

func run(b *testing.B, name string, work func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			work()
		}
	})
}
