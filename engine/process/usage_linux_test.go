package process

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsageAfterTheEnd(t *testing.T) {
	var times bytes.Buffer
	c := shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; head -c 3000000 /dev/zero | cat >/dev/null; times")
	c.Stdout = &times
	got, err := Run(t.Context(), c)
	require.NoError(t, err)
	u := got.Usage
	var own, below [2]time.Duration // user and system, by the shell itself, which rounds them
	for i, text := range strings.Fields(times.String()) {
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		if i < 2 {
			own[i%2] = d
		} else {
			below[i%2] = d
		}
	}
	const rounded = 4 * tick
	assert.InDelta(t, own[0]+below[0]+own[1]+below[1], u.User+u.System, float64(rounded))
	assert.Positive(t, u.User)
	assert.GreaterOrEqual(t, u.ReadBytes, int64(6_000_000), "head and cat")
	assert.GreaterOrEqual(t, u.WrittenBytes, int64(6_000_000))
	assert.Less(t, u.WrittenBytes, int64(6_100_000))
	assert.Positive(t, u.VoluntarySwitches)
	assert.GreaterOrEqual(t, u.InvoluntarySwitches, int64(0))
}

// TestProcessesThatWereNotWaitedFor are measured by their cgroup alone.
func TestProcessesThatWereNotWaitedFor(t *testing.T) {
	requireGroups(t)
	run := func(t *testing.T) (measured, reported time.Duration) {
		c := shell(`(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; times >times; mv times done; exec sleep 1000) & while ! [ -e done ]; do sleep 0.1; done`)
		c.Dir = t.TempDir()
		result, err := Run(t.Context(), c)
		require.NoError(t, err)
		text, err := os.ReadFile(c.Dir + "/done")
		require.NoError(t, err)
		for _, field := range strings.Fields(string(text))[:2] { // user and system
			d, err := time.ParseDuration(field)
			require.NoError(t, err)
			reported += d
		}
		return result.Usage.User + result.Usage.System, reported
	}
	measured, reported := run(t)
	assert.GreaterOrEqual(t, measured, reported-2*tick)
	withoutGroups(t)
	measured, reported = run(t)
	assert.Less(t, measured, reported-2*tick)
}

// TestPeakMemory: of a process that is smaller than this one, it is known only while it runs.
func TestPeakMemory(t *testing.T) {
	for _, c := range []struct {
		name string
		mib  int64
	}{{"of a small command", 1}, {"of a big command", ownPeak()>>20 + 64}} {
		t.Run(c.name, func(t *testing.T) {
			p, in, lines := touching(t, c.mib, 0)
			lines.await(t, "touched")
			want := memoryOf(p.PID()).peak
			assert.Greater(t, want, c.mib<<20)
			awaitLook(t, p, want)
			require.NoError(t, in.Close())
			result, err := p.Wait()
			require.NoError(t, err)
			assert.InEpsilon(t, want, result.Usage.PeakMemory, 0.1)
		})
	}
}

// TestPeakMemoryBeforeTheFirstLook: the exact one of a big command, nothing of a small one, and in no case ours.
func TestPeakMemoryBeforeTheFirstLook(t *testing.T) {
	withoutGroups(t)
	result, err := Run(t.Context(), Command{Args: []string{"true"}, Env: testEnv()})
	require.NoError(t, err)
	if result.Usage.PeakMemory >= 0 { // it took long on a busy machine
		assert.Less(t, result.Usage.PeakMemory, int64(10<<20))
	}
	bigger := ownPeak()>>20 + 64
	p, in, lines := touching(t, bigger, 0)
	want := number(t, lines.await(t, "touched "))
	require.NoError(t, in.Close())
	p.meter.watch.stop()
	result, err = p.Wait()
	require.NoError(t, err)
	assert.InEpsilon(t, want, result.Usage.PeakMemory, 0.1)
}

// touching starts a command that uses so many MiB until its input ends.
func touching(t *testing.T, mib, limit int64) (*Process, *io.PipeWriter, *lineLog) {
	t.Helper()
	lines := newLineLog()
	c := played(t, "touch", strconv.FormatInt(mib, 10))
	theirs, ours := io.Pipe()
	c.Lines, c.Stdin, c.MemoryLimit = lines.add, theirs, limit
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	return p, ours, lines
}

// awaitLook waits until so much memory was seen.
func awaitLook(t *testing.T, p *Process, peak int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		p.meter.watch.mu.Lock()
		defer p.meter.watch.mu.Unlock()
		return p.meter.watch.peak >= peak
	}, patience, time.Millisecond)
}

func TestMemoryLimit(t *testing.T) {
	t.Run("watched", func(t *testing.T) {
		withoutGroups(t)
		requireOutOfMemory(t)
	})
	t.Run("by the kernel", func(t *testing.T) {
		if f := groups(); f == nil || !f.memory {
			t.Skip("this process may not make a cgroup of version 2 with the controller memory")
		}
		requireOutOfMemory(t)
	})
}

// requireOutOfMemory runs commands with a limit, one below it and one whose child exceeds it.
func requireOutOfMemory(t *testing.T) {
	t.Helper()
	p, in, lines := touching(t, 20, 512<<20)
	lines.await(t, "touched")
	require.NoError(t, in.Close())
	_, err := p.Wait()
	require.NoError(t, err)

	c := played(t, "touch", "400")
	c.Args = append([]string{"sh", "-c", `"$@"; echo survived`, "sh"}, c.Args...)
	theirs, ours := io.Pipe()
	defer ours.Close()
	c.Stdin, c.MemoryLimit = theirs, 200<<20
	result, err := Run(t.Context(), c)
	var exit *ExitError
	require.ErrorAs(t, err, &exit)
	assert.True(t, result.OutOfMemory)
	assert.Equal(t, "killed", result.Signal)
	assert.EqualError(t, err, "out of memory, its limit is 200 MiB")
	assert.NotContains(t, result.Tail, "survived")
}

func TestUsageWhileItRuns(t *testing.T) {
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	defer ours.Close()
	lines := newLineLog()
	c := shell(`i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; times; cat /proc/self/status >/dev/null; echo ready; read line`)
	c.Stdin, c.Lines = theirs, lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, theirs.Close())
	lines.await(t, "ready")
	u, err := p.Usage()
	require.NoError(t, err)
	assert.Positive(t, u.User+u.System)
	assert.Positive(t, u.PeakMemory)
	assert.Less(t, u.PeakMemory, int64(16<<20))
	assert.Positive(t, u.ReadBytes)
	require.NoError(t, ours.Close())
	result, _ := p.Wait()
	assert.InDelta(t, result.Usage.User+result.Usage.System, u.User+u.System, float64(3*tick))
	_, err = p.Usage()
	require.ErrorIs(t, err, os.ErrProcessDone)
	require.ErrorIs(t, p.ResetPeak(), os.ErrProcessDone)
}

func TestResetPeak(t *testing.T) {
	theirs, ours := io.Pipe()
	lines := newLineLog()
	c := played(t, "release", "64")
	c.Stdin, c.Lines = theirs, lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, "<nil>", lines.await(t, "released "))
	before, err := p.Usage()
	require.NoError(t, err)
	err = p.ResetPeak()
	require.NoError(t, err)
	after, err := p.Usage()
	require.NoError(t, err)
	require.NoError(t, ours.Close())
	_, err = p.Wait()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, before.PeakMemory, int64(64<<20))
	assert.Less(t, after.PeakMemory, int64(64<<20))
	assert.Positive(t, after.PeakMemory)
}

func TestSplitTime(t *testing.T) {
	for _, c := range []struct{ total, user, system, wantUser, wantSystem time.Duration }{
		{0, 30, 10, 30, 10},
		{100, 30, 10, 75, 25},
		{5, 0, 0, 5, 0},
	} {
		user, system := splitTime(c.total, c.user, c.system)
		assert.Equal(t, []time.Duration{c.wantUser, c.wantSystem}, []time.Duration{user, system}, c)
	}
}

// TestEndWhileTheLimitIsExceeded: both at once must not wait for each other.
func TestEndWhileTheLimitIsExceeded(t *testing.T) {
	withoutGroups(t)
	theirs, ours, err := os.Pipe()
	require.NoError(t, err)
	defer theirs.Close()
	c := shell("read line")
	c.Stdin = theirs
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	ending := make(chan struct{})
	w := p.meter.watch
	w.mu.Lock()
	w.limit, w.exceeded = 1, func() {
		close(ending)
		for lives(p.PID()) {
			time.Sleep(time.Millisecond)
		}
		p.exceeds()
	}
	w.mu.Unlock()
	<-ending
	require.NoError(t, ours.Close())
	_, err = p.Wait()
	require.Error(t, err, "read found the end of its input")
}
