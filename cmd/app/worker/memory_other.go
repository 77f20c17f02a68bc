//go:build !linux

package worker

import (
	"errors"
	"fmt"
)

// limitMemory is supported on Linux only, whose kernel limits the memory that a process really uses.
func limitMemory(Size) error { return fmt.Errorf("--memory: %w on this system", errors.ErrUnsupported) }
