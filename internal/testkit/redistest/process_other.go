//go:build !linux

package redistest

import (
	"errors"
	"os/exec"
)

// dieWithParent does nothing: the servers of a killed test keep running.
func dieWithParent(*exec.Cmd) {}

func (p *process) freeze() error { return errors.ErrUnsupported }
func (p *process) thaw() error   { return errors.ErrUnsupported }
