//go:build unix

package python

import (
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/pythontest"
)

// BenchmarkCall measures calls that do nothing, in turn with eight bytes to an interpreter and back, the floor. x-pipe is the
// ratio of the fastest rounds of both.
func BenchmarkCall(b *testing.B) {
	p := newPool(b, func(c *Config) { c.Recycle = 1 << 30 })
	echo := newEcho(b)
	const round = 500
	call, pipe := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		began := time.Now()
		for range round {
			_, _, err := p.Call(b.Context(), Call{Module: "work", Function: "nothing"})
			require.NoError(b, err)
		}
		call = min(call, time.Since(began)/round)
		began = time.Now()
		for range round {
			echo()
		}
		pipe = min(pipe, time.Since(began)/round)
	}
	b.ReportMetric(float64(call), "ns/call")
	b.ReportMetric(float64(pipe), "ns/pipe")
	b.ReportMetric(float64(call)/float64(pipe), "x-pipe")
}

// newEcho starts an interpreter that sends back what it reads, and returns a function that has it do so once.
func newEcho(b *testing.B) func() {
	b.Helper()
	echo := exec.Command(pythontest.Find(b), "-c", "import os\nwhile True:\n    os.write(4, os.read(3, 65536) or exit())")
	theirs, requests, err := os.Pipe()
	require.NoError(b, err)
	replies, other, err := os.Pipe()
	require.NoError(b, err)
	echo.ExtraFiles = []*os.File{theirs, other}
	require.NoError(b, echo.Start())
	closeFiles(echo.ExtraFiles)
	b.Cleanup(func() {
		_ = requests.Close()
		_ = echo.Wait()
		_ = replies.Close()
	})
	buf := make([]byte, 8)
	return func() {
		_, _ = requests.Write(buf)
		_, _ = replies.Read(buf)
	}
}
