//go:build !linux

package process

import (
	"errors"
	"os"
)

// meter does nothing: only Linux measures and bounds the memory of others.
type meter struct{}

func newMeter(int64) *meter { return &meter{} }

func (*meter) start(program string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	attr.Sys = attributes()
	return startProgram(program, args, attr)
}

func (*meter) started(*os.Process, func()) {}

func (*meter) ended(*Usage, *os.Process) {}

func (*meter) remove(*Usage) (outOfMemory bool) { return false }

// groupsPath is empty: there are no cgroups.
func groupsPath() string { return "" }

func snapshot(int) (Usage, error) { return unknownUsage(), errors.ErrUnsupported }

func resetPeak(int) error { return errors.ErrUnsupported }
