//go:build !unix

package python

import (
	"errors"
	"net"
	"os"
)

// Descriptors cannot be passed on here, so that no pool starts an interpreter.

var errNotYet = errors.ErrUnsupported

func readNow(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func newPassing() (*net.UnixConn, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func sendSegments(*net.UnixConn, []*segment) error { return errors.ErrUnsupported }

func receiveFiles(*net.UnixConn, int) ([]*os.File, error) { return nil, errors.ErrUnsupported }
