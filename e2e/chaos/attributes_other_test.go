//go:build unix && !linux

package chaos_test

import "syscall"

// dieWithParent is only possible where the kernel helps; workers elsewhere end when their standard input does.
func dieWithParent() *syscall.SysProcAttr { return nil }
