//go:build !unix

package invoke

import (
	"errors"
	"os"
	"syscall"
)

// supported is whether this system has what a Supervisor needs.
const supported = false

const terminate = syscall.SIGTERM

func killGroup(int) {}

func reapGroup(int) {}

func duplicate(int) (*os.File, error) { return nil, errors.ErrUnsupported }

func closeOnExec(int) {}

func apart() *syscall.SysProcAttr { return nil }

func ending(state *os.ProcessState) (code int, signal string) { return state.ExitCode(), "" }

func peakMemory(*os.ProcessState) int64 { return 0 }

func mapShared(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }
