//go:build !unix

package worker

import "time"

// usage cannot be measured on this system.
type usage struct {
	cpu         time.Duration
	memoryBytes int64
}

func readUsage() usage { return usage{} }
