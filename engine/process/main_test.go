//go:build unix

package process

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also a program that tests run: see play.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role, ok := strings.CutPrefix(os.Args[1], "play:"); ok {
			play(role, os.Args[2:])
			return
		}
	}
	goleak.VerifyTestMain(m)
}
