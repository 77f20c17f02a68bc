//go:build unix

package environment

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program that tests kill while it prepares: its arguments are the folders of store and wheels.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "prepare" {
		if err := prepareAndSay(os.Args[2], os.Args[3]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// prepareAndSay prints when a preparation begins, and when its environment is ready.
func prepareAndSay(dir, wheels string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	e, err := s.Prepare(context.Background(), killed(wheels), func(p Progress) {
		if p.State == Preparing && p.Bytes == 0 {
			fmt.Println(p.State)
		}
	})
	if err != nil {
		return err
	}
	e.Release()
	fmt.Println(Ready)
	return nil
}

// killed is the spec whose preparations are killed.
func killed(wheels string) Spec { return requirements(wheels, "top", "large") }
