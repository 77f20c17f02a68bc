package runtable_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFrames: a client has the server's table at the end of every batch, however the log is divided into calls, however
// frames are cut, when batches are interrupted, and when it starts over.
func TestFrames(t *testing.T) {
	g, steps := simulated(t, 4, 120)
	steps = measure(steps)
	rapid.Check(t, func(rt *rapid.T) {
		table := runtable.New(g)
		copied, cursor := &runtable.Copy{}, runtable.Cursor{}
		header := runtable.FrameHeader{Channel: 5}
		for at := 0; at < len(steps) || cursor.More(); {
			switch rapid.SampledFrom([]string{"steps", "frame", "frame", "reconnect", "resync"}).Draw(rt, "what") {
			case "steps":
				n := rapid.IntRange(0, 200).Draw(rt, "steps")
				require.NoError(rt, table.Steps(steps[at:min(at+n, len(steps))]))
				at = min(at+n, len(steps))
			case "frame":
				var b []byte
				header.Now = rapid.Int64Range(0, runtable.MaxTime).Draw(rt, "now")
				b, cursor = table.AppendFrame(nil, header, cursor, rapid.IntRange(1, 100).Draw(rt, "rows"))
				f, err := runtable.DecodeFrame(b)
				require.NoError(rt, err)
				require.Equal(rt, []any{header.Channel, header.Now, cursor.More(), false}, []any{f.Channel, f.Now, f.More, f.Complete})
				require.NoError(rt, copied.Apply(f))
				require.Equal(rt, copied.Seq(), cursor.Seq())
				if copied.Seq() == table.Seq() && !f.More {
					require.Equal(rt, withoutEnd(&table.View), withoutEnd(&copied.View))
				}
			case "reconnect":
				cursor = runtable.At(copied.Seq())
			case "resync":
				cursor = runtable.Cursor{}
			}
		}
		pull(rt, table, copied, cursor, 50)
		require.Equal(rt, contentOf(&table.View), contentOf(&copied.View))
	})
}

// withoutEnd is the content without the flag that goes with a frame.
func withoutEnd(v *runtable.View) content {
	c := contentOf(v)
	c.Ended = false
	return c
}

// TestCopyShowsTheSame: states do not depend on whether a table was folded or copied.
func TestCopyShowsTheSame(t *testing.T) {
	g, steps := simulated(t, 7, 60)
	for _, n := range []int{len(steps) / 3, len(steps) - 1, len(steps)} {
		table, copied := folded(t, g, steps[:n]), &runtable.Copy{}
		pull(t, table, copied, runtable.Cursor{}, 64)
		for node := range dag.NodeID(table.Numbering().Nodes()) {
			for at := int64(-1); at <= table.End()+1000; at += max(table.End()/50, 1) {
				require.Equal(t, table.StateAt(node, at), copied.StateAt(node, at))
			}
		}
		assert.Equal(t, table.End(), copied.Now())
	}
}

// TestShared: a body that is encoded once is valid for all clients at the same cursor, even after the table has changed.
func TestShared(t *testing.T) {
	g, steps := simulated(t, 5, 100)
	table := folded(t, g, steps[:len(steps)/2])
	body, next := table.AppendBody(nil, runtable.Cursor{}, 40)
	require.NoError(t, table.Steps(steps[len(steps)/2:]))
	for channel := range uint64(3) {
		b := append(runtable.AppendHeader(nil, runtable.FrameHeader{Channel: channel}, runtable.Cursor{}, next), body...)
		f, err := runtable.DecodeFrame(b)
		require.NoError(t, err)
		require.True(t, f.Snapshot)
		copied := &runtable.Copy{}
		require.NoError(t, copied.Apply(f))
		pull(t, table, copied, pull(t, table, copied, next, 1000), 1000)
		require.Equal(t, contentOf(&table.View), contentOf(&copied.View))
	}
}

func TestApplyRefusesGaps(t *testing.T) {
	g, steps := simulated(t, 5, 30)
	table := folded(t, g, steps[:40])
	copied := &runtable.Copy{}
	cursor := pull(t, table, copied, runtable.Cursor{}, 1000)
	require.NoError(t, table.Steps(steps[40:60]))
	before := contentOf(&copied.View)
	for _, from := range []uint64{cursor.Seq() - 1, cursor.Seq() + 1} {
		b, _ := table.AppendFrame(nil, runtable.FrameHeader{}, runtable.At(from), 1000)
		f, err := runtable.DecodeFrame(b)
		require.NoError(t, err)
		require.ErrorIs(t, copied.Apply(f), runtable.ErrGap)
	}
	hole := runtable.Frame{From: cursor.Seq(), To: cursor.Seq(), Numbers: []uint32{uint32(copied.Rows()) + 1}, Rows: make([]runtable.Row, 1)}
	require.ErrorIs(t, copied.Apply(hole), runtable.ErrGap)
	assert.Equal(t, before, contentOf(&copied.View))
}

// TestBytesPerTask: how many bytes a table takes on the wire.
func TestBytesPerTask(t *testing.T) {
	g, steps := simulated(t, 3, 3000)
	table := folded(t, g, steps)
	total := 0
	for cursor, more := (runtable.Cursor{}), true; more; more = cursor.More() {
		var b []byte
		b, cursor = table.AppendFrame(nil, runtable.FrameHeader{}, cursor, runtable.DefaultFrameRows)
		total += len(b)
	}
	perTask := float64(total) / float64(table.Tasks())
	t.Logf("%.1f B a task in a snapshot of %d tasks, %d rows", perTask, table.Tasks(), table.Rows())
	assert.Less(t, perTask, 40.0)
}

// TestLargestFrame: however large the numbers, a frame of the default size stays below 256 KiB.
func TestLargestFrame(t *testing.T) {
	g := nested(t, 3000)
	table := runtable.New(g)
	steps := make([]record.Step, 0, 3000)
	for i := range 3000 {
		far := int64(runtable.MaxTime) * int64(1-i%2*2)
		steps = append(steps, record.Step{
			Seq: math.MaxUint32 + uint64(i), Kind: record.AttemptEnded, Node: dag.NodeID((i * 1499) % 3000), Epoch: math.MaxUint16, Attempt: math.MaxUint16,
			Worker: math.MaxUint16 - 1, Slot: math.MaxUint16, Outcome: ok, Ready: far, Claimed: far, Started: far, Ended: far, Updated: far,
			Fetch: math.MaxInt64, OutputBytes: math.MaxInt64, StoredBytes: math.MaxInt64, Became: noNode,
			Usage: &record.Usage{CPU: math.MaxInt64, MemoryBytes: math.MaxInt64, ReadBytes: math.MaxInt64, WrittenBytes: math.MaxInt64},
		})
	}
	require.NoError(t, table.Steps(steps))
	b, cursor := table.AppendFrame(nil, runtable.FrameHeader{}, runtable.Cursor{}, runtable.DefaultFrameRows)
	assert.Less(t, len(b), 256<<10)
	assert.True(t, cursor.More())
	copied := &runtable.Copy{}
	pull(t, table, copied, runtable.Cursor{}, runtable.DefaultFrameRows)
	assert.Equal(t, contentOf(&table.View), contentOf(&copied.View))
}

// TestChangesStayBounded: rows that change again and again take no more memory, and a frame holds only what changed.
func TestChangesStayBounded(t *testing.T) {
	g := nested(t, 4)
	table := folded(t, g, []record.Step{{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 1, 2, 3}, Became: noNode}})
	for seq := uint64(2); seq < 50_000; seq++ {
		require.NoError(t, table.Steps([]record.Step{{
			Seq: seq, Kind: record.AttemptStarted, Node: dag.NodeID(seq % 2), Attempt: 1, Claimed: int64(seq), Started: int64(seq), Became: noNode,
		}}))
	}
	assert.Less(t, runtable.ChangesKept(table), 2*table.Rows()+2000)
	b, _ := table.AppendFrame(nil, runtable.FrameHeader{}, runtable.At(1), 100)
	f, err := runtable.DecodeFrame(b)
	require.NoError(t, err)
	assert.Equal(t, []uint32{0, 1}, f.Numbers)
	b, _ = table.AppendFrame(nil, runtable.FrameHeader{}, runtable.At(table.Seq()-1), 100)
	f, err = runtable.DecodeFrame(b)
	require.NoError(t, err)
	assert.Len(t, f.Numbers, 1)
}

// golden is the content of the files of testdata, with which clients in other languages are tested, too.
type golden struct {
	Frames     []string             `json:"frames"` // base64, in order
	Seq        uint64               `json:"seq"`
	Tasks      int                  `json:"tasks"`
	NowNS      int64                `json:"now_ns"`
	Rows       []map[string]any     `json:"rows"`
	Marks      []runtable.Mark      `json:"marks"`
	Expansions []runtable.Expansion `json:"expansions"`
	States     []map[string]any     `json:"states"`
}

// TestGolden: the bytes of frames, and what they mean, do not change by accident.
func TestGolden(t *testing.T) {
	g, steps := simulated(t, 11, 12)
	keepsGolden(t, "frames.json", g, steps)
	keepsGolden(t, "measured.json", g, measure(steps))
	g, steps = troubled(t)
	keepsGolden(t, "troubled.json", g, steps, 150, 200, 250, 300)
}

// keepsGolden compares the frames of a run, and the states of its tasks around their attempts and at further moments,
// with a file, which -update rewrites.
func keepsGolden(t *testing.T, name string, g *dag.Graph, steps []record.Step, further ...int64) {
	table, copied, cursor := runtable.New(g), &runtable.Copy{}, runtable.Cursor{}
	var want golden
	for _, end := range []int{1, len(steps) / 2, len(steps)} {
		require.NoError(t, table.Steps(steps[:end]))
		for more := true; more; more = cursor.More() {
			var b []byte
			b, cursor = table.AppendFrame(nil, runtable.FrameHeader{Channel: 3, Now: table.End(), Complete: table.Ended()}, cursor, 40)
			f, err := runtable.DecodeFrame(b)
			require.NoError(t, err)
			require.NoError(t, copied.Apply(f))
			want.Frames = append(want.Frames, base64.StdEncoding.EncodeToString(b))
		}
	}
	describe(&want, copied, further)
	got, err := json.MarshalIndent(want, "", " ")
	require.NoError(t, err)
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(kept), string(got)+"\n")
}

func describe(want *golden, c *runtable.Copy, further []int64) {
	want.Seq, want.Tasks, want.NowNS, want.Marks = c.Seq(), c.Tasks(), c.Now(), c.Marks()
	want.Expansions = append([]runtable.Expansion{}, c.Expansions()...) // not null
	for i := range c.Rows() {
		r := c.Row(i)
		row := map[string]any{
			"node": r.Node, "epoch": r.Epoch, "attempt": r.Attempt, "worker": r.Worker, "slot": r.Slot, "outcome": uint8(r.Outcome),
			"flags": r.Flags, "fetch_ns": r.Fetch, "output_bytes": r.OutputBytes, "stored_bytes": r.StoredBytes,
		}
		for bit, moment := range []struct {
			name string
			at   int64
		}{{"ready_ns", r.Ready}, {"claimed_ns", r.Claimed}, {"started_ns", r.Started}, {"ended_ns", r.Ended}, {"updated_ns", r.Updated}} {
			if r.Has&(1<<bit) != 0 {
				row[moment.name] = moment.at
			}
		}
		if u := r.Usage; u != nil {
			row["cpu_ns"], row["memory_bytes"], row["read_bytes"], row["written_bytes"] = u.CPU, u.MemoryBytes, u.ReadBytes, u.WrittenBytes
		}
		want.Rows = append(want.Rows, row)
		for _, at := range append([]int64{r.Ready - 1, (r.Started + r.Ended) / 2, r.Updated}, further...) {
			want.States = append(want.States, map[string]any{"node": r.Node, "at_ns": at, "state": c.StateAt(r.Node, at).String()})
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	g, steps := simulated(f, 4, 20)
	for _, n := range []int{1, 20, len(steps)} {
		table := folded(f, g, steps[:n])
		for cursor, more := (runtable.Cursor{}), true; more; more = cursor.More() {
			var b []byte
			b, cursor = table.AppendFrame(nil, runtable.FrameHeader{Channel: 1, Now: 5, Complete: table.Ended()}, cursor, 30)
			f.Add(b)
			f.Add(b[:len(b)/2])
		}
	}
	measured, _ := folded(f, g, measure(steps)).AppendFrame(nil, runtable.FrameHeader{}, runtable.Cursor{}, 100)
	f.Add(measured)
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := runtable.DecodeFrame(b)
		if err != nil {
			require.ErrorIs(t, err, runtable.ErrFrame)
			return
		}
		c := &runtable.Copy{}
		_ = c.Apply(frame) // whether or not it fits
		for i := range min(c.Rows(), 10) {
			c.StateAt(c.Row(i).Node, 0)
		}
	})
}
