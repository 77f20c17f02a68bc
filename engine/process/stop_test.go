//go:build unix

package process

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stopped starts a script, stops it when it has printed "ready", and returns its end.
func stopped(t *testing.T, script string, grace time.Duration) (*lineLog, Result, error) {
	t.Helper()
	lines := newLineLog()
	c := shell("exec 2>/dev/null; " + script) // shells report there what happens to their children
	c.Lines, c.Grace = lines.add, grace
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	p, err := Start(ctx, c)
	require.NoError(t, err)
	lines.await(t, "ready")
	cancel(errEnough)
	result, err := p.Wait()
	return lines, result, err
}

var errEnough = errors.New("enough")

func TestStopAsks(t *testing.T) {
	_, result, err := stopped(t, `trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done`, patience)
	assert.Equal(t, errEnough, err)
	assert.Equal(t, 7, result.ExitCode)
	assert.Equal(t, "ready\nbye\n", result.Tail)
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	lines, result, err := stopped(t, `trap '' TERM; (while :; do sleep 1000; done) & echo "child $!"; echo ready; while :; do sleep 1000; done`, 50*time.Millisecond)
	assert.Equal(t, errEnough, err)
	assert.Equal(t, "killed", result.Signal)
	requireEnds(t, number(t, lines.await(t, "child ")))
}

// TestStopGivesTheGroupItsGrace: a shell ends at once, and the program that it executes writes what it has to.
func TestStopGivesTheGroupItsGrace(t *testing.T) {
	_, result, err := stopped(t, `(trap 'sleep 0.2; echo saved; exit' TERM; echo ready; while :; do sleep 0.01; done) & trap 'exit 1' TERM; wait`, patience)
	assert.Equal(t, errEnough, err)
	assert.Equal(t, "ready\nsaved\n", result.Tail)
}

func TestStopReachesStoppedProcesses(t *testing.T) {
	_, result, err := stopped(t, `trap 'echo bye; exit' TERM; (sleep 0.05; echo ready) & kill -STOP $$; sleep 1000`, patience)
	assert.Equal(t, errEnough, err)
	assert.Equal(t, "ready\nbye\n", result.Tail)
}

func TestTimeout(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errEnough)
	defer cancel()
	result, err := Run(ctx, shell("sleep 1000"))
	assert.Equal(t, errEnough, err)
	assert.Equal(t, "terminated", result.Signal)
}

func TestStopAfterTheEnd(t *testing.T) {
	p, err := Start(t.Context(), Command{Args: []string{"true"}, Env: testEnv()})
	require.NoError(t, err)
	<-p.Ended()
	p.Stop(errEnough)
	p.Kill()
	require.ErrorIs(t, p.Signal(os.Interrupt), os.ErrProcessDone)
	_, err = p.Wait()
	require.NoError(t, err)
}

func TestKill(t *testing.T) {
	p, err := Start(t.Context(), shell("sleep 1000"))
	require.NoError(t, err)
	assert.True(t, lives(p.PID()))
	p.Kill()
	_, err = p.Wait()
	require.EqualError(t, err, "ended by the signal: killed")
}

func TestSignalReachesTheCommandAlone(t *testing.T) {
	lines := newLineLog()
	c := shell(`trap 'echo asked; exit' INT; echo ready; while :; do sleep 0.01; done`)
	c.Lines = lines.add
	p, err := Start(t.Context(), c)
	require.NoError(t, err)
	lines.await(t, "ready")
	require.NoError(t, p.Signal(syscall.SIGINT))
	result, err := p.Wait()
	require.NoError(t, err)
	assert.Equal(t, "ready\nasked\n", result.Tail)
}

func TestNothingIsLeftOfTheGroup(t *testing.T) {
	lines := newLineLog()
	c := shell(`sleep 1000 & echo "child $!"; exit 2`)
	c.Lines = lines.add
	_, err := Run(t.Context(), c)
	require.EqualError(t, err, "exit status 2")
	requireEnds(t, number(t, lines.await(t, "child ")))
}

func TestOutputClosedBeforeTheEnd(t *testing.T) {
	_, err := Run(t.Context(), shell("exec >&- 2>&-; sleep 0.2; exit 7"))
	require.EqualError(t, err, "exit status 7")
}
