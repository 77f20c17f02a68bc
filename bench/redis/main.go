// Command redis measures the engine on Redis: how many tasks a second it runs with 1, 2 and 8 worker processes, what a
// task costs in commands and round trips, and how soon a ready task starts on another worker. Next to it is what the same
// Redis does for its own benchmark program and for our own traffic played back without an engine, what asynq does as a
// peer, and what other clients could have carried.
//
// It starts a redis-server of its own on loopback, without persistence, and workers as processes of their own: this
// program again. Everything is measured in one run on one machine, because figures of different runs cannot be
// compared. Goals that are missed are shown and are no error. It takes some minutes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

func main() { process.Main("redis", run, work) }

// options of the command line.
type options struct {
	rounds int
	quick  bool
	part   string
	// profile is a folder for profiles of worker processes, empty for none.
	profile string
}

// parts are what can be measured alone, in their order.
var parts = []struct {
	name    string
	measure func(r *report, ctx context.Context, w io.Writer, o options) error
}{
	{"floors", (*report).measureFloors},
	{"clients", (*report).measureClients},
	{"engine", (*report).measureEngine},
	{"latency", (*report).measureLatency},
	{"peers", (*report).measurePeers},
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("redis", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.IntVar(&o.rounds, "rounds", 3, "how often each way is measured; the best counts")
	flags.BoolVar(&o.quick, "quick", false, "small graphs and fewer samples")
	flags.StringVar(&o.part, "part", "", "measure only `floors`, clients, engine, latency or peers (default all)")
	flags.StringVar(&o.profile, "profile", "", "write profiles of worker processes into this `folder`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds is %d, expected at least 1", o.rounds)
	}
	fmt.Fprintln(w, bench.ThisMachine())
	known := false
	var r report
	for _, p := range parts {
		if o.part != "" && o.part != p.name {
			continue
		}
		known = true
		if err := p.measure(&r, ctx, w, o); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if !known {
		return fmt.Errorf("-part is %q, expected floors, clients, engine, latency or peers", o.part)
	}
	r.printGoals(w)
	return nil
}
