//go:build !linux

package worker

import "math"

// systemMemory is not known on this system: Config.Memory says it.
func systemMemory() int64 { return math.MaxInt64 }
