//go:build unix

package layout

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script is a drawer whose program is a shell script, and a file that the script can write.
func script(t *testing.T, cfg Config, text string) (d *Drawer, file string) {
	t.Helper()
	dir := t.TempDir()
	cfg.Command, cfg.Cache = filepath.Join(dir, "program"), dir
	require.NoError(t, os.WriteFile(cfg.Command, []byte("#!/bin/sh\n"+text), 0o700))
	d, err := NewDrawer(cfg)
	require.NoError(t, err)
	return d, filepath.Join(dir, "file")
}

// requireEnd waits until the process whose number is in a file is gone.
func requireEnd(t *testing.T, file string) {
	t.Helper()
	number, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(number)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return isGone(pid) }, 10*time.Second, time.Millisecond)
}

// isGone reports whether a process does not exist, or is dead and only not yet waited for by its new parent.
func isGone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}

const sleeps = "sleep 600 & echo $! > \"$TMPDIR/file\"; wait"

func TestDrawerKillsWhatTakesTooLong(t *testing.T) {
	d, file := script(t, Config{Timeout: 300 * time.Millisecond}, sleeps)
	_, err := d.Draw(t.Context(), nested(t), nil, "svg")
	require.ErrorIs(t, err, ErrTimeout)
	requireEnd(t, file)
}

func TestDrawerKillsWhatNoOneWaitsFor(t *testing.T) {
	d, file := script(t, Config{}, sleeps)
	ctx, cancel := context.WithCancelCause(t.Context())
	var waits sync.WaitGroup
	waits.Go(func() {
		_, err := d.Draw(ctx, nested(t), nil, "svg")
		require.ErrorIs(t, err, errors.ErrUnsupported)
	})
	require.Eventually(t, func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 1
	}, 10*time.Second, time.Millisecond)
	queued, leave := context.WithCancel(t.Context())
	leave()
	_, err := d.Draw(queued, nested(t), nil, "svg")
	require.ErrorIs(t, err, context.Canceled, "it waits for its turn no longer than it wants to")
	cancel(errors.ErrUnsupported)
	waits.Wait()
	requireEnd(t, file)
}

func TestDrawerReportsWhatWentWrong(t *testing.T) {
	d, _ := script(t, Config{}, "cat > /dev/null; echo the ink is dry >&2; exit 3")
	_, err := d.Draw(t.Context(), nested(t), nil, "svg")
	require.ErrorContains(t, err, "exit status 3: the ink is dry")
	d, _ = script(t, Config{MaxBytes: 1000}, "cat > /dev/null; yes")
	_, err = d.Draw(t.Context(), nested(t), nil, "svg")
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "more than 1000 bytes")
	for _, plain := range []string{
		"", "node n0_0 0 0", "node n0_9 0 0 1 1", "node x 0 0 1 1", "node n0_0 a 0 1 1", "edge n0_0 n0_1 9 0 0", "edge n0_0 n0_1 -1 0 0",
	} {
		d, _ = script(t, Config{}, "cat > /dev/null; echo "+plain)
		_, err = d.Dot(t.Context(), nested(t))
		require.ErrorIs(t, err, errPlain, plain)
	}
}
