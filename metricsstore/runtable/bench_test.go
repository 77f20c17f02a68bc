package runtable_test

import (
	"testing"

	"github.com/dagscope/dagscope/metricsstore/runtable"
)

func BenchmarkSteps(b *testing.B) {
	g, steps := simulated(b, 3, 10_000)
	for b.Loop() {
		folded(b, g, steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(steps)), "ns/step")
}

func BenchmarkSnapshot(b *testing.B) {
	g, steps := simulated(b, 3, 10_000)
	table := folded(b, g, steps)
	var frame []byte
	for b.Loop() {
		for cursor, more := (runtable.Cursor{}), true; more; more = cursor.More() {
			frame, cursor = table.AppendFrame(frame[:0], runtable.FrameHeader{}, cursor, runtable.DefaultFrameRows)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*table.Rows()), "ns/row")
}
