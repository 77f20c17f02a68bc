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

func duplicate(int) (*os.File, error) { return nil, errors.ErrUnsupported }

func closeOnExec(int) {}

func apart() *syscall.SysProcAttr { return nil }

func mapShared(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }
