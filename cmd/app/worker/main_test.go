package worker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
)

// roleVariable makes the test program be a worker: tests start real ones, and those start children.
const roleVariable = "DAGSCOPE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "worker" {
		Main(testWorkflows()...)
	}
	goleak.VerifyTestMain(m)
}

// testWorkflows are what the workers of tests can do.
func testWorkflows() []*engine.Workflow {
	count := engine.Func1("count", func(_ context.Context, n int) ([]int, error) {
		list := make([]int, n)
		for i := range list {
			list[i] = i
		}
		return list, nil
	})
	square := engine.Func2("square", func(ctx context.Context, n, ms int) (int, error) {
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			return n * n, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
	sum := engine.Func1("sum", func(_ context.Context, list []int) (int, error) {
		total := 0
		for _, n := range list {
			total += n
		}
		return total, nil
	})
	die := engine.Func1("die", die)
	return []*engine.Workflow{{
		Name: "squares", Functions: engine.Functions(count, square, sum),
		Params: []engine.Param{
			{Name: "n", Kind: engine.IntParam, Default: "10"}, {Name: "ms", Kind: engine.IntParam, Default: "1"},
		},
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			ms := engine.Const(g, args.Int("ms"))
			squares := engine.FanOut(g, count.Call(engine.Const(g, args.Int("n"))), func(e engine.Ref[int]) engine.Ref[int] {
				return square.Call(e, ms)
			})
			return sum.Call(squares), nil
		},
	}, {
		Name: "deadly", Functions: engine.Functions(die),
		Params: []engine.Param{{Name: "how", Kind: engine.TextParam, Default: "exit"}},
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			return die.Call(engine.Const(g, args.String("how"))), nil
		},
	}}
}

// taken is memory that is not given back.
var taken [][]byte

// die takes its process down.
func die(_ context.Context, how string) (int, error) {
	switch how {
	case "exit":
		fmt.Fprintln(os.Stderr, "famous last words")
		os.Exit(7)
	case "panic":
		go func() { panic("in a goroutine") }()
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "memory":
		for {
			taken = append(taken, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "grandchild": // which outlives its parent
		heir := exec.Command("sleep", "600")
		if err := heir.Start(); err != nil {
			return 0, err
		}
		fmt.Fprintln(os.Stderr, "heir", heir.Process.Pid)
		os.Exit(1)
	case "not":
		return 1, nil
	}
	select {}
}
