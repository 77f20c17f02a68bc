//go:build !linux

package worker

import (
	"errors"
	"fmt"
)

// limitMemory needs a kernel that counts what a process really takes.
func limitMemory(Size) error { return fmt.Errorf("--memory: %w on this system", errors.ErrUnsupported) }
