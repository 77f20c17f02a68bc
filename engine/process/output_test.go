//go:build unix

package process

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesOfBothStreams(t *testing.T) {
	began := time.Now()
	lines := newLineLog()
	c := shell(`printf 'one\ntwo\n\n'; printf 'half' >&2; printf '\377\n'; printf ' a line' >&2; printf 'without end'`)
	c.Lines = lines.add
	result, err := Run(t.Context(), c)
	require.NoError(t, err)
	var out, errs []string
	for _, l := range lines.all() {
		if l.Stream == Stdout {
			out = append(out, l.Text)
		} else {
			errs = append(errs, l.Text)
		}
		assert.Zero(t, l.Dropped)
		assert.WithinRange(t, l.At, began, time.Now())
	}
	assert.Equal(t, []string{"one", "two", "", "�", "without end"}, out)
	assert.Equal(t, []string{"half a line"}, errs)
	assert.Equal(t, "half a line", result.Stderr)
	assert.Len(t, result.Tail, len("one\ntwo\n\n?\nwithout end")+len(result.Stderr))
}

func TestBinaryOutputIsNotChanged(t *testing.T) {
	random := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
	var out, errs bytes.Buffer
	c := shell("tee /dev/stderr")
	c.Stdin, c.Stdout, c.Stderr, c.Lines = bytes.NewReader(random), &out, &errs, func(Line) {}
	result, err := Run(t.Context(), c)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(random, out.Bytes()))
	assert.True(t, bytes.Equal(random, errs.Bytes()))
	assert.Equal(t, string(random[len(random)-TailSize:]), result.Stderr)
	assert.Len(t, result.Tail, TailSize)
}

// TestFloodCostsLittle: what a command prints is neither kept nor passed on as a whole.
func TestFloodCostsLittle(t *testing.T) {
	size := 1 << 30
	if testing.Short() {
		size = 64 << 20
	}
	var count, dropped int
	var last Line
	c := shell(fmt.Sprintf("yes 'a line of a flood' | head -c %d; printf '\\nthe end\\n'", size))
	var before, now runtime.MemStats
	var most uint64
	c.Lines = func(l Line) {
		count, dropped, last = count+1, dropped+l.Dropped, l
		if count%100 == 0 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	result, err := Run(t.Context(), c)
	took := time.Since(began)
	require.NoError(t, err)
	assert.Equal(t, "the end", last.Text)
	assert.Equal(t, size/len("a line of a flood\n")+2, count+dropped)
	assert.LessOrEqual(t, count, maxPending*(2+int(took/linePause)))
	assert.Contains(t, result.Tail, "a line of a flood\n")
	assert.LessOrEqual(t, most, before.HeapInuse+8<<20)
	t.Logf("%d MiB in %v; %d lines passed on, heap from %d to %d KiB", size>>20, took, count, before.HeapInuse>>10, most>>10)
}

func TestFloodWithoutLines(t *testing.T) {
	var n int
	var last Line
	c := shell("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end")
	c.Lines = func(l Line) { n, last = n+1, l }
	_, err := Run(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Equal(t, "end", last.Text)
}

func TestSlowReceiverOfLinesDoesNotHoldUpTheCommand(t *testing.T) {
	done := make(chan struct{})
	var dropped int
	c := shell(fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "line $i, and so on until the pipe would be full"; i=$((i+1)); done`, 10*maxPending))
	c.Lines = func(l Line) {
		<-done
		dropped += l.Dropped
	}
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	requireEnds(t, p.PID()) // or is a zombie
	close(done)
	_, err = p.Wait()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, dropped, 8*maxPending)
}

func TestWriterThatFailsStopsTheCommand(t *testing.T) {
	full := errors.New("full")
	for _, c := range []struct{ name, script, err string }{
		{"while it runs", "echo x; echo y; sleep 1000", "stdout of the command: full"},
		{"after its end", "echo x", "stdout of the command: full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := shell(c.script)
			command.Stdout = writerFunc(func([]byte) (int, error) { return 0, full })
			_, err := Run(t.Context(), command)
			require.ErrorIs(t, err, full)
			assert.EqualError(t, err, c.err)
		})
	}
}

// TestSlowWriterGetsAll: the first write lasts longer than output is awaited after the end of the command.
func TestSlowWriterGetsAll(t *testing.T) {
	const size = 65000
	var got int
	slow := make(chan struct{})
	c := shell(fmt.Sprintf("head -c %d /dev/zero", size))
	c.Stdout = writerFunc(func(p []byte) (int, error) {
		<-slow
		got += len(p)
		return len(p), nil
	})
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	requireEnds(t, p.PID())
	time.AfterFunc(2*outputWait, func() { close(slow) })
	_, err = p.Wait()
	require.NoError(t, err)
	assert.Equal(t, size, got)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
