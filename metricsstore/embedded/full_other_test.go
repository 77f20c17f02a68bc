//go:build !linux

package embedded

import (
	"errors"

	"github.com/dagscope/dagscope/engine/record"
)

func fillDisk(string, record.RunID) error { return errors.ErrUnsupported }
