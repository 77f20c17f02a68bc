// Command poison is a user's own program, with tasks that take down whatever executes them. As poison-worker it is a
// worker alone.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dagscope/dagscope/cmd/app"
	"github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
)

// The poisons. What a task that wants to be one takes with it is its process, unless it is asked in vain to stop.
var poisons = map[string]func(){
	"exit": func() {
		fmt.Fprintln(os.Stderr, "famous last words")
		os.Exit(3)
	},
	"panic": func() {
		go func() { panic("in a goroutine") }()
		select {}
	},
	"memory": func() {
		for taken := [][]byte{}; ; {
			taken = append(taken, bytes.Repeat([]byte{1}, 1<<20))
		}
	},
	"loop": func() {
		for turns.Add(1) > 0 {
		}
	},
	"segfault": func() {
		page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err == nil {
			page[0] = 1
		}
	},
	"flood": func() {
		lines := bytes.Repeat(append(bytes.Repeat([]byte("flood "), 20), '\n'), 512)
		for n := 0; n < floodBytes; n += len(lines) {
			_, _ = os.Stderr.Write(lines)
		}
		fmt.Fprintln(os.Stderr, "the last drop")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	},
}

// floodBytes is far more than anybody keeps.
const floodBytes = 8 << 20

var turns atomic.Int64

var (
	drink = engine.Func1("drink", func(_ context.Context, kind string) (int, error) {
		fmt.Fprintf(os.Stderr, "drink in %d\n", os.Getpid())
		if f := poisons[kind]; f != nil {
			f()
		}
		return 0, nil
	}).With(engine.Options{Timeout: time.Second, Retries: engine.NoRetries})

	// nap is innocent.
	nap = engine.Func2("nap", func(ctx context.Context, i int, d time.Duration) (int, error) {
		fmt.Fprintf(os.Stderr, "nap %d in %d\n", i, os.Getpid())
		select {
		case <-time.After(d):
			return i, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})

	gather = engine.Func1("gather", func(_ context.Context, values []int) (int, error) {
		sum := 0
		for _, v := range values {
			sum += v
		}
		return sum, nil
	})
)

// drinks has one poison and some innocent tasks.
var drinks = &engine.Workflow{
	Name: "drinks", Functions: engine.Functions(drink, nap, gather),
	Params: []engine.Param{
		{Name: "kind", Kind: engine.TextParam, Default: "water", Help: "exit, panic, memory, loop, segfault or flood; nothing else does harm"},
		{Name: "naps", Kind: engine.IntParam, Default: "6"},
		{Name: "for", Kind: engine.DurationParam, Default: "50ms"},
	},
	Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
		all := []engine.Ref[int]{drink.Call(engine.Const(g, args.String("kind")))}
		for i := range args.Int("naps") {
			all = append(all, nap.Call(engine.Const(g, i), engine.Const(g, args.Duration("for"))))
		}
		return gather.Call(engine.List(g, all...)), nil
	},
}

func main() {
	if filepath.Base(os.Args[0]) == "poison-worker" {
		worker.Main(drinks)
	}
	app.Main(drinks)
}
