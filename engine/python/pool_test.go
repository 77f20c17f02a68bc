//go:build unix

package python

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

func TestCall(t *testing.T) {
	p := newPool(t, nil)
	v, used, err := p.try(t, "add", 1, 2)
	require.NoError(t, err)
	assert.Equal(t, encode(t, 3), v)
	assert.GreaterOrEqual(t, used.User, time.Duration(0))
	assert.Greater(t, used.PeakMemory, int64(1<<20))
	v, _, err = p.try(t, "echo", Value{}, []any{"é", 1.5, true, []byte{7}, map[string]any{"k": nil}})
	require.NoError(t, err)
	assert.Equal(t, encode(t, []any{nil, []any{"é", 1.5, true, []byte{7}, map[string]any{"k": nil}}}), v)
	v, _, err = p.Call(t.Context(), Call{Module: "work", Function: "Tools.double", Values: []Value{encode(t, 21)}})
	require.NoError(t, err)
	assert.Equal(t, encode(t, 42), v)
	assert.Equal(t, Counts{Live: 1, Idle: 1, Started: 1}, p.Counts(), "all calls had the same interpreter")
}

// TestTemplate fills holes at several depths, one of them twice.
func TestTemplate(t *testing.T) {
	p := newPool(t, nil)
	hole := func(n byte) []byte { return []byte{0xd9, 0xee, 0x48, n} }
	template := slices.Concat([]byte{0x82, 0x82}, hole(1), []byte{0xa1, 0x61, 'x', 0x82, 0x05}, hole(0), []byte{0xa1, 0x61, 'k'}, hole(1))
	v, _, err := p.Call(t.Context(), Call{
		Module: "work", Function: "echo", Values: []Value{encode(t, "a"), encode(t, "b")},
		Template: Value{Codec: CBOR, Data: template},
	})
	require.NoError(t, err)
	want := slices.Concat([]byte{0x82, 0xd9, 0xee, 0x49, 0x82, 0x61, 'b', 0xa1, 0x61, 'x', 0x82, 0x05, 0x61, 'a', 0xa1, 0x61, 'k', 0x61, 'b'})
	assert.Equal(t, want, v.Data)
}

func TestCallList(t *testing.T) {
	p := newPool(t, nil)
	for _, n := range []int{0, 1, 1000, 20_000} {
		parts, _, err := p.CallList(t.Context(), Call{Module: "builtins", Function: "range", Values: []Value{encode(t, n)}})
		require.NoError(t, err)
		require.Len(t, parts, n)
		for i, v := range parts {
			require.Equal(t, encode(t, i), v)
		}
	}
	// More large ones than descriptors may be passed at once; the rest lies in the payload.
	parts, _, err := p.CallList(t.Context(), Call{Module: "work", Function: "bigs", Values: []Value{encode(t, 300)}})
	require.NoError(t, err)
	require.Len(t, parts, 300)
	lengths, _, err := p.Call(t.Context(), Call{Module: "work", Function: "lengths", Values: parts})
	require.NoError(t, err)
	assert.Equal(t, encode(t, slices.Repeat([]int{1 << 17}, 300)), lengths)
	_, _, err = p.CallList(t.Context(), Call{Module: "work", Function: "nothing"})
	assert.ErrorContains(t, err, "TypeError: 'NoneType' object is not iterable")
}

func TestDataclasses(t *testing.T) {
	p := newPool(t, nil)
	v, _, err := p.try(t, "point", 5)
	require.NoError(t, err)
	v, _, err = p.try(t, "mirror", v)
	require.NoError(t, err)
	assert.Equal(t, encode(t, 5), v)
}

func TestCallErrors(t *testing.T) {
	p := newPool(t, nil)
	for _, c := range []struct {
		module, function string
		args             []any
		reason           Reason
		text             string
	}{
		{"work", "fail", []any{"no\nluck"}, Raised, "ValueError: no\nluck"},
		{"work", "depart", nil, Raised, "SystemExit: 7"},
		{"work", "add", []any{1}, Raised, "TypeError: add() missing 1 required positional argument: 'b'"},
		{"work", "nowhere", nil, Missing, "there is no function nowhere in "},
		{"work", "sys.nowhere", nil, Missing, "there is no function sys.nowhere in "},
		{"work", "debian", nil, Missing, "there is no function"},
		{"nomodule", "f", nil, Missing, "there is no module nomodule"},
		{"broken", "f", nil, Raised, "ModuleNotFoundError: No module named 'nomodule'"},
		{"work", "opaque", nil, Unsendable, "work:opaque: value[0] cannot be sent: it is of type object"},
		{"work", "echo", []any{Value{Codec: CBOR, Data: []byte{0xff}}}, Malformed, "a simple value 31"},
		{"work", "echo", []any{Value{Codec: Array, Data: []byte{1}}}, Malformed, "a document"},
	} {
		call := Call{Module: c.module, Function: c.function}
		for _, a := range c.args {
			v, isValue := a.(Value)
			if !isValue {
				v = encode(t, a)
			}
			call.Values = append(call.Values, v)
		}
		_, used, err := p.Call(t.Context(), call)
		var failed *CallError
		require.ErrorAs(t, err, &failed, c.function)
		assert.Equal(t, c.reason, failed.Reason, c.function)
		assert.Contains(t, err.Error(), c.text)
		assert.GreaterOrEqual(t, used.User, time.Duration(0))
		if c.reason == Raised {
			assert.Contains(t, failed.Traceback, failed.Type)
			assert.NotContains(t, failed.Traceback, "_worker.py")
		} else {
			assert.Empty(t, failed.Traceback)
		}
	}
	assert.Equal(t, Counts{Live: 1, Idle: 1, Started: 1}, p.Counts())
}

func TestTraceback(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "fail_deep", "x")
	var failed *CallError
	require.ErrorAs(t, err, &failed)
	lines := strings.Split(failed.Traceback, "\n")
	assert.Contains(t, lines[1], "work.py")
	assert.Contains(t, lines[1], "in fail_deep")
	assert.Contains(t, failed.Traceback, "The above exception was the direct cause")
	_, _, err = p.try(t, "fail_long")
	require.ErrorAs(t, err, &failed)
	assert.LessOrEqual(t, len(failed.Message), 24<<10)
	assert.True(t, strings.HasSuffix(failed.Traceback, "end\n"), "the end of a long text is kept")
}

func TestPickle(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "fraction")
	require.ErrorContains(t, err, "fractions.Fraction")
	call := Call{Module: "work", Function: "fraction", AllowPickle: true}
	v, _, err := p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, Pickle, v.Codec)
	call = Call{Module: "work", Function: "numerators", Values: []Value{v}}
	_, _, err = p.Call(t.Context(), call)
	var failed *CallError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, Malformed, failed.Reason)
	call.AllowPickle = true
	v, _, err = p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, encode(t, []int{1}), v)
}

// TestOutput checks that lines belong to the call that printed them, whatever printed them and however they end.
func TestOutput(t *testing.T) {
	p := newPool(t, nil)
	for i := range 50 {
		var lines []process.Line
		call := Call{Module: "work", Function: "mutter", Values: []Value{encode(t, i)}, Lines: func(l process.Line) { lines = append(lines, l) }}
		_, _, err := p.Call(t.Context(), call)
		require.NoError(t, err)
		var out, errs []string
		for _, l := range lines {
			if l.Stream == process.Stdout {
				out = append(out, l.Text)
			} else {
				errs = append(errs, l.Text)
			}
		}
		assert.Equal(t, []string{"a", "b" + strconv.Itoa(i)}, out)
		assert.Equal(t, []string{"c", "d" + strconv.Itoa(i)}, errs)
	}
	_, _, err := p.try(t, "mutter", 1) // no receiver
	require.NoError(t, err)
}

func TestFlood(t *testing.T) {
	p := newPool(t, nil)
	count, last := 0, ""
	call := Call{Module: "work", Function: "say", Values: []Value{encode(t, strings.Repeat("x", 100)), encode(t, 200_000)}, Lines: func(l process.Line) {
		count += 1 + l.Dropped
		last = l.Text
	}}
	_, _, err := p.Call(t.Context(), call)
	require.NoError(t, err)
	assert.Equal(t, 200_001, count)
	assert.Equal(t, "said", last)
}

func TestLost(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Grace = 100 * time.Millisecond })
	for _, c := range []struct {
		function string
		args     []any
		text     string
		check    func(e *LostError)
	}{
		{"leave", []any{3}, "exited with code 3 after ", func(e *LostError) {
			assert.Equal(t, 3, e.Result.ExitCode)
			assert.Equal(t, "bye\n", e.Result.Stderr)
			assert.True(t, strings.HasSuffix(e.Error(), ": bye"), e.Error())
		}},
		{"crash", nil, "ended by the signal: segmentation fault", func(e *LostError) {
			assert.Contains(t, e.Result.Stderr, "work.py\", line ", "faulthandler says where")
		}},
		{"kill", nil, "ended by the signal: killed", func(*LostError) {}},
		{"close_all", nil, "a function has closed the descriptors", func(*LostError) {}},
	} {
		_, _, err := p.try(t, c.function, c.args...)
		var lost *LostError
		require.ErrorAs(t, err, &lost, c.function)
		assert.Contains(t, err.Error(), c.text)
		assert.Positive(t, lost.PID)
		c.check(lost)
		_, _, err = p.try(t, "nothing")
		require.NoError(t, err, "the next call has a new interpreter")
	}
	assert.EqualValues(t, 4, p.Counts().Lost)
}

// TestRudeFunctions calls functions that an interpreter survives.
func TestRudeFunctions(t *testing.T) {
	p := newPool(t, nil)
	for _, c := range []struct {
		function string
		want     any
	}{
		{"fork", "parent"},
		{"fork_fail", 1},
		{"close_low", 1},
		{"read_stdin", ""},
		{"close_stdout", nil},
		{"print_something", nil},
		{"multi", []int{0, 1, 4}},
		{"nothing", nil},
	} {
		v, _, err := p.try(t, c.function)
		require.NoError(t, err, c.function)
		assert.Equal(t, encode(t, c.want), v, c.function)
	}
	assert.EqualValues(t, 1, p.Counts().Started)
}

// TestCancel cancels a function that sleeps, one that ignores the interrupt, and one with a child.
func TestCancel(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Grace = 100 * time.Millisecond })
	why := errors.New("why")
	for _, function := range []string{"wait", "wait_deaf", "wait_child"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		begun := filepath.Join(t.TempDir(), "begun")
		go func() {
			waitFor(t, func() bool { _, err := os.Stat(begun); return err == nil })
			cancel(why)
		}()
		_, _, err := p.Call(ctx, Call{Module: "work", Function: function, Values: []Value{encode(t, begun)}})
		require.ErrorIs(t, err, why, function)
		if text, _ := os.ReadFile(begun); len(text) > 0 {
			pid := int(text[0]) | int(text[1])<<8 | int(text[2])<<16
			waitFor(t, func() bool { return syscall.Kill(pid, 0) != nil })
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := p.Call(ctx, Call{Module: "work", Function: "nothing"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, p.Counts().Lost)
}

func TestRecycle(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Recycle, c.MaxMemory = 3, 200<<20 })
	pids := map[string]int{}
	for range 7 {
		v, _, err := p.try(t, "pid")
		require.NoError(t, err)
		pids[string(v.Data)]++
	}
	assert.ElementsMatch(t, []int{3, 3, 1}, slices.Collect(maps.Values(pids)))
	_, used, err := p.try(t, "peak", 300<<20)
	require.NoError(t, err)
	assert.Greater(t, used.PeakMemory, int64(300<<20))
	assert.EqualValues(t, 3, p.Counts().Started)
	_, used, err = p.try(t, "grow", 300<<20)
	require.NoError(t, err)
	assert.Greater(t, used.PeakMemory, int64(300<<20))
	waitFor(t, func() bool { return p.Counts().Live == 0 })
}

func TestIdle(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Idle = time.Millisecond })
	_, _, err := p.try(t, "nothing")
	require.NoError(t, err)
	waitFor(t, func() bool { return p.Counts().Live == 0 })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err)
	assert.EqualValues(t, 2, p.Counts().Started)
}

// TestIdleDeath kills an interpreter that has nothing to do: no call notices.
func TestIdleDeath(t *testing.T) {
	p := newPool(t, nil)
	v, _, err := p.try(t, "pid")
	require.NoError(t, err)
	var pid int
	require.NoError(t, cbor.Unmarshal(v.Data, &pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	waitFor(t, func() bool { return p.Counts().Live == 0 })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err)
	assert.Zero(t, p.Counts().Lost)
}

func TestManyCallers(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Max = 3 })
	var callers sync.WaitGroup
	for i := range 10 {
		callers.Go(func() {
			for k := range 20 {
				v, _, err := p.try(t, "add", i, k)
				assert.NoError(t, err)
				assert.Equal(t, encode(t, i+k), v)
			}
		})
	}
	callers.Wait()
	assert.LessOrEqual(t, p.Counts().Started, int64(3))
}

// TestUsage compares what is reported with what the function measured itself.
func TestUsage(t *testing.T) {
	p := newPool(t, nil)
	_, used, err := p.try(t, "burn", 0.2)
	require.NoError(t, err)
	assert.InDelta(t, 0.2, (used.User + used.System).Seconds(), 0.02)
	_, used, err = p.try(t, "burn_child", 0.2)
	require.NoError(t, err)
	assert.InDelta(t, 0.2, (used.User + used.System).Seconds(), 0.1)
	_, base, err := p.try(t, "peak", 1)
	require.NoError(t, err)
	_, used, err = p.try(t, "peak", 100<<20)
	require.NoError(t, err)
	assert.InDelta(t, 100<<20, used.PeakMemory-base.PeakMemory, 10<<20)
	_, after, err := p.try(t, "burn", 0.002)
	require.NoError(t, err)
	assert.Less(t, after.PeakMemory, used.PeakMemory-50<<20, "a peak is that of one call")
}

func TestStartErrors(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Interpreter = "/no/python3" })
	_, _, err := p.try(t, "nothing")
	var start *process.StartError
	require.ErrorAs(t, err, &start)
	p = newPool(t, func(c *Config) { c.Interpreter = "/bin/false" })
	_, _, err = p.try(t, "nothing")
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, 1, lost.Result.ExitCode)
	p = newPool(t, func(c *Config) { c.Preimport, c.StartTimeout = []string{"sleepy"}, 50*time.Millisecond })
	_, _, err = p.try(t, "nothing")
	require.ErrorContains(t, err, "was not ready within 50ms")
	p = newPool(t, func(c *Config) { c.Preimport = []string{"nomodule", "json"} })
	_, _, err = p.try(t, "nothing")
	require.NoError(t, err, "the calls that need it report it")
}

func TestConfig(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "Package is nil")
	_, err = New(Config{Package: os.DirFS("."), Max: -1})
	require.EqualError(t, err, "python: Max is -1, must be at least 0")
	p := newPool(t, nil)
	for _, c := range []Call{{}, {Module: "work"}, {Function: "f"}, {Module: "m", Function: strings.Repeat("f", math.MaxUint16)}} {
		_, _, err = p.Call(t.Context(), c)
		assert.ErrorContains(t, err, "python: the ")
	}
}

func TestClosed(t *testing.T) {
	p := newPool(t, nil)
	_, _, err := p.try(t, "nothing")
	require.NoError(t, err)
	p.stop()
	_, _, err = p.try(t, "nothing")
	require.ErrorIs(t, err, ErrClosed)
	_, err = os.Stat(p.folder)
	require.ErrorIs(t, err, os.ErrNotExist)
	bad, err := New(Config{Package: os.DirFS("/nowhere")})
	require.NoError(t, err)
	require.Error(t, bad.Run(t.Context()))
	_, _, err = bad.Call(t.Context(), Call{Module: "m", Function: "f"})
	require.ErrorIs(t, err, ErrClosed)
}

// BenchmarkCall measures a call that does nothing, next to the processor time that both sides use for it.
func BenchmarkCall(b *testing.B) {
	p := newPool(b, func(c *Config) { c.Recycle = 1 << 30 })
	used := func() float64 {
		v, _, err := p.Call(b.Context(), Call{Module: "time", Function: "process_time"})
		require.NoError(b, err)
		return math.Float64frombits(binary.BigEndian.Uint64(v.Data[1:]))
	}
	before := used()
	for b.Loop() {
		if _, _, err := p.Call(b.Context(), Call{Module: "work", Function: "nothing"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((used()-before)*1e9/float64(b.N), "ns-python/op")
}

// BenchmarkPipe is the floor: eight bytes to an interpreter and back.
func BenchmarkPipe(b *testing.B) {
	echo := exec.Command(pythontest.Find(b), "-c", "import os\nwhile True:\n    os.write(4, os.read(3, 65536) or exit())")
	theirs, requests, err := os.Pipe()
	require.NoError(b, err)
	replies, other, err := os.Pipe()
	require.NoError(b, err)
	echo.ExtraFiles = []*os.File{theirs, other}
	require.NoError(b, echo.Start())
	closeFiles(echo.ExtraFiles)
	buf := make([]byte, 8)
	for b.Loop() {
		_, _ = requests.Write(buf)
		_, _ = replies.Read(buf)
	}
	_ = requests.Close()
	_ = echo.Wait()
}

// TestWarm: interpreters that were started ahead answer the calls that follow, and no more are started than may be.
func TestWarm(t *testing.T) {
	p := newPool(t, func(c *Config) { c.Max = 2 })
	started, err := p.Warm(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, 2, started)
	require.Equal(t, Counts{Live: 2, Idle: 2, Started: 2}, p.Counts())
	_, _, err = p.try(t, "echo", 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, p.Counts().Started)
	started, err = p.Warm(t.Context(), 5)
	require.NoError(t, err)
	require.Zero(t, started)

	missing := newPool(t, func(c *Config) { c.Interpreter = "no-such-python" })
	_, err = missing.Warm(t.Context(), 1)
	var start *process.StartError
	require.ErrorAs(t, err, &start)
}
