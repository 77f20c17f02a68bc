// Command live measures what it costs to be watched: how much processor time a run takes more with ten live viewers,
// what an idle socket takes, how many bytes a task is on the wire, and how late a viewer sees what happens. Then it
// measures the dashboard in a browser: how late a change is on screen, what a frame takes of the page's main thread
// while live and while the playhead is moved, how soon a page is there, and whether it keeps what it no longer needs.
//
// The service is a process of its own, so that what viewers use is not counted; this program starts itself again for
// that, and for the dashboard builds the program and serves it. Runs with and without viewers take turns and the least
// of each is compared, because machines are noisy. When something happened is what the service has recorded, and when
// it is on screen is the frame after the one that painted it, by the clock that all processes of a machine share. Goals
// that are missed are shown and are no error. With -before, the dashboard is compared with that of an earlier program: how
// long a page's main thread works until a run can be scrubbed, frames a second where there is much to draw, and what very
// large runs cost it. It takes some ten minutes, and opens some 2,000 files. Without Chromium, or without a built
// dashboard, it says so and leaves that part out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
)

func main() { process.Main("live", run, serve) }

// options of the command line.
type options struct {
	rounds  int
	viewers int
	idle    int
	steps   int
	part    string
	before  string
}

func run(ctx context.Context, args []string, w io.Writer) error {
	var o options
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.IntVar(&o.rounds, "rounds", 5, "how often each shape is run with viewers and without")
	flags.IntVar(&o.viewers, "viewers", 10, "how many viewers watch a run")
	flags.IntVar(&o.idle, "idle", 1000, "how many idle sockets are opened")
	flags.IntVar(&o.steps, "steps", 300, "how many steps the playhead is moved by")
	flags.StringVar(&o.part, "part", "", "measure only the `hub`, only the screen, or only opening, live and large graphs (versus); default all")
	flags.StringVar(&o.before, "before", "", "a `program` of an earlier commit, built with its dashboard, to compare the dashboard with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds is %d, expected at least 1", o.rounds)
	}
	fmt.Fprintln(w, bench.ThisMachine())
	switch o.part {
	case "":
		return errors.Join(onHub(ctx, w, o), onScreen(ctx, w, o), onBoth(ctx, w, o))
	case "hub":
		return onHub(ctx, w, o)
	case "screen":
		return onScreen(ctx, w, o)
	case "versus":
		return onBoth(ctx, w, o)
	}
	return fmt.Errorf("-part is %q, expected hub, screen or versus", o.part)
}

// onHub measures the service that viewers are connected to, without any page.
func onHub(ctx context.Context, w io.Writer, o options) error {
	child, err := process.Start(ctx)
	if err != nil {
		return err
	}
	s := &service{Child: child}
	a, err := s.ask(command{Do: "address"})
	if err != nil {
		return errors.Join(err, s.Close())
	}
	s.address = a.Address
	for _, measure := range []func(context.Context, io.Writer, options) error{s.watched, s.idle, s.snapshot, s.latency} {
		if err := measure(ctx, w, o); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// service is the other process.
type service struct {
	*process.Child
	address string
}

// command asks the service for something.
type command struct {
	Do    string `json:"do"` // address, begin, go, memory
	Shape shape  `json:"shape"`
}

// answer is what the service says; each command fills in what it is about.
type answer struct {
	Address string `json:"address,omitempty"`
	Run     string `json:"run,omitempty"`
	Started int64  `json:"started,omitempty"` // of the run, ns since 1970
	CPU     int64  `json:"cpu_ns,omitempty"`
	Wall    int64  `json:"wall_ns,omitempty"`
	Heap    int64  `json:"heap,omitempty"` // in use, as are the stacks
	Stack   int64  `json:"stack,omitempty"`
	RSS     int64  `json:"rss,omitempty"` // 0 where the system does not say
	Clients int    `json:"clients,omitempty"`
	Frames  uint64 `json:"frames,omitempty"`
	Encoded uint64 `json:"encoded,omitempty"`
}

func (s *service) ask(c command) (a answer, err error) {
	return a, s.Ask(c, &a)
}

// goal prints how a figure compares with what it is to be at most.
func goal(w io.Writer, what string, got, most float64) {
	fmt.Fprintln(w, "goal:", bench.AtMost(what, got, most))
}
