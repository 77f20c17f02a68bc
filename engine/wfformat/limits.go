package wfformat

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of what Parse accepts, in addition to dag.Limits.
const (
	MaxBytes    = 256 << 20 // of the file
	MaxMachines = 16_384
	MaxFiles    = 2_000_000 // files, and as many references to files
	MaxCores    = 1 << 24   // of one machine
)

const (
	maxSeconds = 1e8      // of one task, about three years: no sum of them can overflow a Duration unnoticed
	maxCommand = 16 << 10 // of one task; the rest is dropped
	exact      = 1 << 53  // the largest size that a JSON number represents exactly
)

// Errors of Parse and Record. Their texts say what was expected and where.
var (
	// ErrInvalid: the file is not a recording in WfFormat 1.4, 1.5 or 1.6, or contradicts itself.
	ErrInvalid = errors.New("invalid recording in WfFormat")
	// ErrTooLarge: the recording exceeds a limit. Such an error is also ErrInvalid, unless the file itself is too long.
	ErrTooLarge = errors.New("recording in WfFormat too large")
)

// limitError is ErrTooLarge with the place in the file.
type limitError string

func (e limitError) Error() string        { return string(e) }
func (e limitError) Is(target error) bool { return target == ErrTooLarge }

// tooMany returns the error for an exceeded limit.
func tooMany(format string, args ...any) error { return limitError(fmt.Sprintf(format, args...)) }

// cut copies at most n bytes of s, so that the rest can be garbage collected.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:n], ""))
}
