//go:build !linux

package process

import "os"

// newPipe makes a pipe for what a command prints.
func newPipe() (ours, theirs *os.File, err error) { return os.Pipe() }
