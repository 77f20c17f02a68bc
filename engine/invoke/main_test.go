//go:build unix

package invoke

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program that supervisors of tests start: see children_test.go.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := strings.CutPrefix(os.Args[1], "play:"); ok {
			play(role)
			return
		}
	}
	goleak.VerifyTestMain(m)
}
