package metricsstore_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func TestBlockRoundTrip(t *testing.T) {
	_, steps := simulated(t, 4, 400)
	u, err := metricsstore.NewUnpacker()
	require.NoError(t, err)
	for _, n := range []int{1, 2, 7, 100, len(steps)} {
		var got []record.Step
		for _, b := range pack(t, steps, n) {
			again, err := metricsstore.ParseBlock(b.First, b.AppendValue(nil))
			require.NoError(t, err)
			require.Equal(t, b, again)
			got, err = u.Unpack(got, b)
			require.NoError(t, err)
			for _, s := range got[b.First-1:] {
				if s.Kind == record.AttemptEnded {
					assert.LessOrEqual(t, b.From, s.Ready)
				}
				assert.GreaterOrEqual(t, b.To, s.Updated)
			}
		}
		require.Equal(t, steps, got)
	}
}

func TestUnpackRefuses(t *testing.T) {
	_, steps := simulated(t, 4, 400)
	u, err := metricsstore.NewUnpacker()
	require.NoError(t, err)
	good := pack(t, steps, 100)[1]
	for name, change := range map[string]func(b *metricsstore.Block){
		"empty":      func(b *metricsstore.Block) { b.Data = nil },
		"scheme":     func(b *metricsstore.Block) { b.Data[0] = 9 },
		"cut off":    func(b *metricsstore.Block) { b.Data = b.Data[:len(b.Data)-1] },
		"flipped":    func(b *metricsstore.Block) { b.Data[len(b.Data)-9] ^= 1 },
		"first":      func(b *metricsstore.Block) { b.First, b.Last = b.First+1, b.Last+1 },
		"count":      func(b *metricsstore.Block) { b.Last++ },
		"huge count": func(b *metricsstore.Block) { b.First, b.Last = 1, math.MaxUint64-1 },
		"jump": func(b *metricsstore.Block) {
			part := slices.Clone(steps[100:200])
			part[50].Seq++
			*b = pack(t, part, 100)[0]
		},
	} {
		b := good
		b.Data = bytes.Clone(good.Data)
		change(&b)
		got, err := u.Unpack(nil, b)
		require.ErrorIs(t, err, metricsstore.ErrCorrupt, name)
		assert.Empty(t, got)
	}
}

func FuzzUnpackBlock(f *testing.F) {
	_, steps := simulated(f, 4, 40)
	for _, b := range pack(f, steps, 30) {
		f.Add(b.First, b.AppendValue(nil))
	}
	u, err := metricsstore.NewUnpacker()
	require.NoError(f, err)
	g := nested(f, 40)
	f.Fuzz(func(t *testing.T, first uint64, value []byte) {
		b, err := metricsstore.ParseBlock(first, value)
		if err != nil {
			return
		}
		got, err := u.Unpack(nil, b)
		if err != nil {
			return
		}
		require.Len(t, got, int(b.Last-b.First+1))
		_ = metricsstore.NewFold(g).Steps(got) // must not panic
	})
}

func TestDetailRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 20, 60)
	rapid.Check(t, func(rt *rapid.T) {
		want := record.Detail{
			Node: dag.NodeID(rapid.Uint32().Draw(rt, "node")), Epoch: int(rapid.Uint16().Draw(rt, "epoch")),
			Attempt: int(rapid.Uint16().Draw(rt, "attempt")), Log: []byte(text.Draw(rt, "log")),
		}
		if rapid.Bool().Draw(rt, "failed") {
			want.Error = &record.ErrorRecord{Kind: record.UserError, Message: text.Draw(rt, "message"), Time: began()}
		}
		for range rapid.IntRange(0, 5).Draw(rt, "inputs") {
			want.Inputs = append(want.Inputs, record.InputDetail{
				From:   dag.NodeID(rapid.Uint32().Draw(rt, "from")),
				Source: rapid.SampledFrom([]string{"", "store", "inline", "local", "cloud"}).Draw(rt, "source"),
				Bytes:  rapid.Int64Min(-1).Draw(rt, "bytes"), Fetch: time.Duration(rapid.Int64().Draw(rt, "fetch")),
			})
		}
		row, err := metricsstore.PackDetail(3, &want)
		require.NoError(rt, err)
		require.Equal(rt, uint32(3), row.Revision)
		got, err := row.Unpack()
		require.NoError(rt, err)
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			rt.Fatal(d)
		}
		for n := range row.Data {
			cut := metricsstore.DetailRow{Data: row.Data[:n]}
			_, err := cut.Unpack()
			require.ErrorIs(rt, err, metricsstore.ErrCorrupt)
		}
	})
}

func FuzzUnpackDetail(f *testing.F) {
	for _, d := range append(details(0, 2), record.Detail{Log: []byte("log"), Error: &record.ErrorRecord{Message: "m"}}) {
		row, err := metricsstore.PackDetail(0, &d)
		require.NoError(f, err)
		f.Add(row.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		row := metricsstore.DetailRow{Data: data}
		d, err := row.Unpack()
		if err != nil {
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
			return
		}
		again, err := metricsstore.PackDetail(0, &d)
		require.NoError(t, err)
		back, err := again.Unpack()
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}

// TestKeysSortLikeTheirFields: the bytes of keys are ordered as the keys are, and give the keys back.
func TestKeysSortLikeTheirFields(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00\x01\x02ü")), 1, 4, -1)
	id := rapid.Custom(func(t *rapid.T) record.RunID {
		return record.RunID(rapid.StringMatching(`[a-cA-C0]{1,3}`).Draw(t, "id"))
	})
	drawRollup := func(t *rapid.T) metricsstore.RollupKey {
		return metricsstore.RollupKey{
			Function: text.Draw(t, "function"), Version: rapid.IntRange(-2, 2).Draw(t, "version"),
			Metric: metricsstore.Metric(text.Draw(t, "metric")), Day: metricsstore.Day(rapid.Int32Range(-2, 2).Draw(t, "day")), Run: id.Draw(t, "run"),
		}
	}
	drawPosition := func(t *rapid.T) metricsstore.Position {
		return metricsstore.Position{Started: rapid.Int64Range(-2, 2).Draw(t, "started"), Run: id.Draw(t, "run")}
	}
	byFields := func(a, b metricsstore.RollupKey) int {
		for _, c := range []int{
			strings.Compare(a.Function, b.Function), a.Version - b.Version, strings.Compare(string(a.Metric), string(b.Metric)),
			int(a.Day - b.Day), strings.Compare(string(a.Run), string(b.Run)),
		} {
			if c != 0 {
				return c
			}
		}
		return 0
	}
	sign := func(n int) int { return min(max(n, -1), 1) }
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRollup(t), drawRollup(t)
		require.Equal(t, sign(byFields(a, b)), bytes.Compare(a.Append(nil), b.Append(nil)))
		back, err := metricsstore.ParseRollupKey(a.Append(nil))
		require.NoError(t, err)
		require.Equal(t, a, back)
		q := metricsstore.RollupQuery{Function: b.Function}
		require.Equal(t, q.Match(a), bytes.HasPrefix(a.Append(nil), q.Prefix()))

		p, r := drawPosition(t), drawPosition(t)
		require.Equal(t, p.Before(r), bytes.Compare(p.Append(nil), r.Append(nil)) < 0)
		same, err := metricsstore.ParsePosition(p.Append(nil))
		require.NoError(t, err)
		require.Equal(t, p, same)
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(metricsstore.RollupKey{Function: "f\x00", Metric: "m", Day: 1, Run: "r"}.Append(nil))
	f.Add(metricsstore.DetailKey{Node: 1}.Append(nil))
	f.Add(metricsstore.Position{Started: 1, Run: "r"}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := metricsstore.ParseRollupKey(b); err == nil {
			require.Equal(t, b, k.Append(nil))
		}
		if k, err := metricsstore.ParseDetailKey(b); err == nil {
			require.Equal(t, b, k.Append(nil))
		}
		if k, err := metricsstore.ParsePosition(b); err == nil {
			require.Equal(t, b, k.Append(nil))
		}
		r := metricsstore.Rollup{Data: b}
		_, _ = r.Unpack() // must not panic
		w := metricsstore.WorkerRow{Data: b}
		_, _ = w.Unpack()
	})
}

func TestDayOf(t *testing.T) {
	for text, want := range map[string]metricsstore.Day{
		"1970-01-01T00:00:00Z": 0, "1969-12-31T23:59:59Z": -1, "1970-01-01T23:59:59.999Z": 0, "2026-03-01T00:30:00+01:00": 20512,
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		assert.Equal(t, want, metricsstore.DayOf(at), text)
		assert.Equal(t, want, metricsstore.DayOf(want.Start()), text)
	}
}
