//go:build !linux

package embedded

import (
	"errors"

	"github.com/dagscope/dagscope/engine"
)

func fillDisk(string, engine.RunID) error { return errors.ErrUnsupported }
