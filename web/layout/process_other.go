//go:build !unix

package layout

import "os/exec"

// killTogether leaves it at the process alone where there are no groups.
func killTogether(*exec.Cmd) {}
