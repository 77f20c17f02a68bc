//go:build unix

package process

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRun also reports how many times as long it takes as the system calls alone, which do not read any output, and as
// os/exec, which reads both streams but neither kills the group nor keeps the thread. The three take turns; the ratios are
// of the medians, since other work on the machine makes single ones much longer.
func BenchmarkRun(b *testing.B) {
	program, err := exec.LookPath("true")
	require.NoError(b, err)
	_, err = Run(b.Context(), Command{Args: []string{program}}) // the first one prepares this process
	require.NoError(b, err)
	var ours, bare, theirs []time.Duration
	for b.Loop() {
		ours = append(ours, timed(func() error {
			_, err := Run(b.Context(), Command{Args: []string{program}})
			return err
		}))
		bare = append(bare, timed(func() error { return forkExecWait(program) }))
		theirs = append(theirs, timed(func() error { return execRun(program) }))
	}
	run, floor := median(ours), median(bare)
	b.ReportMetric(float64(run)/float64(floor), "x/fork-exec-wait")
	b.ReportMetric(float64(run)/float64(median(theirs)), "x/os-exec")
	b.ReportMetric(float64(floor.Microseconds()), "µs/fork-exec-wait")
	b.ReportMetric(float64(run.Microseconds()), "µs/run")
}

func timed(do func() error) time.Duration {
	began := time.Now()
	if err := do(); err != nil {
		panic(err)
	}
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func forkExecWait(program string) error {
	pid, err := syscall.ForkExec(program, []string{program}, &syscall.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = syscall.Wait4(pid, nil, 0, nil)
	return err
}

func execRun(program string) error {
	c := exec.Command(program)
	c.Stdout, c.Stderr = NewTail(TailSize), NewTail(TailSize)
	return c.Run()
}
