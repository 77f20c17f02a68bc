//go:build unix

package process

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRun also reports how many times as long it takes as the system calls alone, which do not read any output, and as
// os/exec, which reads both streams but neither kills the group nor keeps the thread. The three take turns.
func BenchmarkRun(b *testing.B) {
	program, err := exec.LookPath("true")
	require.NoError(b, err)
	var ours, bare, theirs time.Duration
	for b.Loop() {
		ours += timed(func() {
			_, err := Run(b.Context(), Command{Args: []string{program}})
			require.NoError(b, err)
		})
		bare += timed(func() {
			pid, err := syscall.ForkExec(program, []string{program}, &syscall.ProcAttr{})
			require.NoError(b, err)
			_, err = syscall.Wait4(pid, nil, 0, nil)
			require.NoError(b, err)
		})
		theirs += timed(func() { require.NoError(b, execRun(program)) })
	}
	b.ReportMetric(float64(ours)/float64(bare), "x/fork-exec-wait")
	b.ReportMetric(float64(ours)/float64(theirs), "x/os-exec")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "µs/fork-exec-wait")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "µs/run")
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func execRun(program string) error {
	c := exec.Command(program)
	c.Stdout, c.Stderr = NewTail(TailSize), NewTail(TailSize)
	return c.Run()
}
