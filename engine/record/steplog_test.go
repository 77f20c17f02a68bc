package record_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// blocks packs a log as stores do, 512 steps at a time.
func blocks(steps []record.Step) [][]byte {
	var e record.StepEncoder
	var out [][]byte
	for b := range slices.Chunk(steps, 512) {
		out = append(out, e.Append(nil, b))
	}
	return out
}

func requireSteps(t require.TestingT, want, got []record.Step) {
	require.Empty(t, cmp.Diff(want, got, cmpopts.EquateEmpty()))
}

func TestStepsRoundTrip(t *testing.T) {
	logs := map[string][]record.Step{
		"none":       nil,
		"zero":       {{}},
		"large tree": enginetest.SimulateSteps(enginetest.TreeGraph(t, 3000), 1, 4),
	}
	for name, graph := range enginetest.Compiled(t) {
		logs[name] = enginetest.SimulateSteps(graph, 7, 3)
	}
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			b := record.AppendSteps([]byte("before"), log)
			require.Equal(t, "before", string(b[:6]))
			got, err := record.DecodeSteps(b[6:], []record.Step{{Seq: 99}})
			require.NoError(t, err)
			require.Equal(t, uint64(99), got[0].Seq, "what was in dst stays")
			requireSteps(t, log, got[1:])
			got = got[:0]
			for _, block := range blocks(log) {
				got, err = record.DecodeSteps(block, got)
				require.NoError(t, err)
			}
			requireSteps(t, log, got)
		})
	}
}

// anyStep draws steps that need not make sense: small values, so that predictions hit, and extreme ones.
func anyStep() *rapid.Generator[record.Step] {
	node := rapid.OneOf(rapid.Map(rapid.Uint32Range(0, 5), func(n uint32) dag.NodeID { return dag.NodeID(n) }),
		rapid.Map(rapid.Uint32(), func(n uint32) dag.NodeID { return dag.NodeID(n) }), rapid.Just(dag.NoNode))
	number := rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
	short := rapid.OneOf(rapid.Uint16Range(0, 2), rapid.Uint16())
	usage := rapid.Custom(func(t *rapid.T) record.Usage {
		draw := func(name string) int64 { return number.Draw(t, name) }
		return record.Usage{
			CPU: time.Duration(draw("cpu")), MemoryBytes: draw("memory"), ReadBytes: draw("read"), WrittenBytes: draw("written"),
			InputBytes: draw("inputs"), OutsideBytes: draw("outside"), ResultBytes: draw("results"),
			System: time.Duration(draw("system")), Waits: draw("waits"), Preemptions: draw("preemptions"),
		}
	})
	return rapid.Custom(func(t *rapid.T) record.Step {
		s := record.Step{
			Seq:  rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64()).Draw(t, "seq"),
			Kind: record.StepKind(rapid.Uint8().Draw(t, "kind")), Outcome: record.Outcome(rapid.Uint8().Draw(t, "outcome")),
			Location: record.Location(rapid.Uint8().Draw(t, "location")), Announced: rapid.Bool().Draw(t, "announced"),
			Head: rapid.Bool().Draw(t, "head"), Node: node.Draw(t, "node"), Epoch: short.Draw(t, "epoch"),
			Attempt: short.Draw(t, "attempt"), Worker: short.Draw(t, "worker"), Slot: short.Draw(t, "slot"),
			Ready: number.Draw(t, "ready"), Claimed: number.Draw(t, "claimed"), Started: number.Draw(t, "started"),
			Ended: number.Draw(t, "ended"), Updated: number.Draw(t, "updated"), Fetch: number.Draw(t, "fetch"),
			OutputBytes: number.Draw(t, "output"), StoredBytes: number.Draw(t, "stored"), Became: node.Draw(t, "became"),
			Readied: rapid.SliceOf(node).Draw(t, "readied"), Width: uint32(node.Draw(t, "width")),
			Delay: time.Duration(number.Draw(t, "delay")), Usage: rapid.Ptr(usage, true).Draw(t, "usage"),
		}
		if rapid.Bool().Draw(t, "same") {
			s.Ready, s.StoredBytes = s.Claimed, s.OutputBytes
		}
		if rapid.Bool().Draw(t, "becomes first") && len(s.Readied) > 0 {
			s.Became = s.Readied[0]
		}
		return s
	})
}

// TestUsageVersion: blocks without a usage, or without its last parts, remain readable for older programs, and blocks of the
// old version contain no usage.
func TestUsageVersion(t *testing.T) {
	steps := []record.Step{{Seq: 1, Kind: record.AttemptEnded, Attempt: 1}, {Seq: 2, Kind: record.AttemptEnded, Attempt: 1}}
	require.EqualValues(t, 1, record.AppendSteps(nil, steps)[0])
	usage := record.UnknownUsage()
	usage.CPU = time.Second
	steps[1].Usage = usage
	b := record.AppendSteps(nil, steps)
	require.EqualValues(t, 2, b[0])
	got, err := record.DecodeSteps(b, nil)
	require.NoError(t, err)
	requireSteps(t, steps, got)
	detailed := *usage
	detailed.System = 0
	steps[0].Usage = &detailed
	all := record.AppendSteps(nil, steps)
	require.EqualValues(t, 3, all[0])
	got, err = record.DecodeSteps(all, nil)
	require.NoError(t, err)
	requireSteps(t, steps, got)
	b[0] = 1
	_, err = record.DecodeSteps(b, nil)
	require.ErrorIs(t, err, codec.ErrMalformed)
}

func TestAnyStepsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOf(anyStep()).Draw(t, "steps")
		var e record.StepEncoder
		e.Append(nil, rapid.SliceOf(anyStep()).Draw(t, "steps before")) // must have no effect on the next block
		b := e.Append(nil, steps)
		got, err := record.DecodeSteps(b, nil)
		require.NoError(t, err)
		requireSteps(t, steps, got)
	})
}

func TestLanesThatSharePredictionsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var steps []record.Step
		for i := range rapid.IntRange(1, 200).Draw(t, "n") {
			steps = append(steps, record.Step{
				Seq: uint64(i + 1), Worker: rapid.Uint16Range(0, 40).Draw(t, "worker"), Slot: rapid.Uint16Range(0, 40).Draw(t, "slot"),
				Claimed: int64(i), Updated: int64(i), Node: dag.NodeID(i), Became: dag.NodeID(i / 2),
			})
		}
		got, err := record.DecodeSteps(record.AppendSteps(nil, steps), nil)
		require.NoError(t, err)
		requireSteps(t, steps, got)
	})
}

func TestManyReadiedNodesTakeFewBytes(t *testing.T) {
	for _, distance := range []uint32{1, 3} {
		s := record.Step{Seq: 1, Kind: record.FanOutExpanded, Became: dag.NoNode}
		for i := range uint32(10_000) {
			s.Readied = append(s.Readied, dag.NodeID(100+i*distance))
		}
		b := record.AppendSteps(nil, []record.Step{s})
		require.Less(t, len(b), 60)
		got, err := record.DecodeSteps(b, nil)
		require.NoError(t, err)
		requireSteps(t, []record.Step{s}, got)
	}
}

func TestMalformedSteps(t *testing.T) {
	good := record.AppendSteps(nil, enginetest.SimulateSteps(enginetest.TreeGraph(t, 40), 3, 2))
	_, err := record.DecodeSteps(good, nil)
	require.NoError(t, err)
	_, err = record.DecodeSteps(append([]byte{7}, good[1:]...), nil)
	require.ErrorIs(t, err, codec.ErrUnknownVersion)
	require.ErrorContains(t, err, "version 7, expected 1 to 3")
	_, err = record.DecodeSteps(append(slices.Clone(good), 0), nil)
	require.ErrorIs(t, err, codec.ErrMalformed)
	require.ErrorContains(t, err, "1 bytes too many")
	for n := range good {
		kept := []record.Step{{Seq: 5}}
		got, err := record.DecodeSteps(good[:n], kept)
		require.ErrorIs(t, err, codec.ErrMalformed, "cut to %d bytes", n)
		require.Equal(t, kept, got)
	}
}

// hostileBlock is a block with a given header and arbitrary columns.
func hostileBlock(steps, readied uint64, controls ...uint64) []byte {
	b := []byte{1}
	for _, v := range append([]uint64{steps, 1, readied, uint64(len(controls))}, controls...) {
		b = binary.AppendUvarint(b, v)
	}
	return append(b, make([]byte, 64)...)
}

func TestHostileSteps(t *testing.T) {
	two := record.AppendSteps(nil, []record.Step{{Seq: 1, Readied: []dag.NodeID{5, 9}}, {Seq: 2}})
	alter := func(at int, b byte) []byte {
		c := slices.Clone(two)
		c[at] = b
		return c
	}
	cases := map[string]struct {
		src  []byte
		want string
	}{
		"many steps":         {hostileBlock(1<<40, 0), "number of steps is 1099511627776"},
		"many readied":       {hostileBlock(1, record.MaxReadied+1), "readied nodes is 16777217"},
		"unknown control":    {hostileBlock(1, 0, 1<<60), "control word"},
		"more readied":       {alter(3, 3), "1 nodes fewer than announced"},
		"fewer readied":      {alter(3, 1), "step 1 of 2"},
		"fewer steps":        {alter(1, 1), "too many in column 0"},
		"more steps":         {alter(1, 3), "step 3 of 3"},
		"no control words":   {hostileBlock(1, 0)[:5+15], "step 1 of 1"},
		"column out of line": {two[:len(two)-1], "too early"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := record.DecodeSteps(c.src, nil)
			require.ErrorIs(t, err, codec.ErrMalformed)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestEncodingABlockDoesNotAllocate(t *testing.T) {
	steps := enginetest.SimulateSteps(enginetest.TreeGraph(t, 512), 1, 4)[:512]
	var e record.StepEncoder
	dst := e.Append(nil, steps)
	require.Zero(t, testing.AllocsPerRun(10, func() { dst = e.Append(dst[:0], steps) }))
}

func TestStepsAreSmall(t *testing.T) {
	packed, compressed, n := logBytes(t, 512)
	t.Logf("%d steps: %.2f bytes a step packed, %.2f compressed", n, packed, compressed)
	require.Less(t, compressed, 11.0)
}

// logBytes is how many bytes a step of a tree reduction of 16,384 leaves takes.
func logBytes(t testing.TB, block int) (packed, compressed float64, n int) {
	steps := enginetest.SimulateSteps(enginetest.TreeGraph(t, 16_384), 1, 2)
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	require.NoError(t, err)
	for b := range slices.Chunk(steps, block) {
		p := record.AppendSteps(nil, b)
		packed += float64(len(p))
		compressed += float64(len(z.EncodeAll(p, nil)))
	}
	n = len(steps)
	return packed / float64(n), compressed / float64(n), n
}

func FuzzDecodeSteps(f *testing.F) {
	f.Add(record.AppendSteps(nil, nil))
	f.Add(record.AppendSteps(nil, enginetest.SimulateSteps(enginetest.TreeGraph(f, 30), 3, 2)))
	for _, graph := range enginetest.Compiled(f) {
		f.Add(record.AppendSteps(nil, enginetest.SimulateSteps(graph, 7, 3)))
	}
	f.Add(hostileBlock(2, record.MaxReadied, 1<<60))
	f.Fuzz(func(t *testing.T, src []byte) {
		steps, err := record.DecodeSteps(src, nil)
		if err != nil {
			return
		}
		again := record.AppendSteps(nil, steps)
		got, err := record.DecodeSteps(again, nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(again, record.AppendSteps(nil, got)))
	})
}

func BenchmarkAppendSteps(b *testing.B) {
	steps := enginetest.SimulateSteps(enginetest.TreeGraph(b, 16_384), 1, 2)
	var e record.StepEncoder
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		for block := range slices.Chunk(steps, 512) {
			dst = e.Append(dst[:0], block)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkDecodeSteps(b *testing.B) {
	steps := enginetest.SimulateSteps(enginetest.TreeGraph(b, 16_384), 1, 2)
	packed := blocks(steps)
	var dst []record.Step
	b.ReportAllocs()
	for b.Loop() {
		for _, block := range packed {
			dst, _ = record.DecodeSteps(block, dst[:0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}
