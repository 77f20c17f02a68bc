//go:build !unix

package layout

import "os/exec"

// killTogether does nothing here, because there are no process groups: only the process itself is killed.
func killTogether(*exec.Cmd) {}
