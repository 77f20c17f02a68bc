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
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// serveArg as only argument makes the program the service.
const serveArg = "serve"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if len(os.Args) == 2 && os.Args[1] == serveArg {
		err = serve(ctx, os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

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
	fmt.Fprintf(w, "%s on %s/%s, %d processors\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
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
	s, err := start(ctx)
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, io.Writer, options) error{s.watched, s.idle, s.snapshot, s.latency} {
		if err := measure(ctx, w, o); err != nil {
			return errors.Join(err, s.end())
		}
	}
	return s.end()
}

// service is the other process. It answers each command with one line.
type service struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	address string
}

// command asks the service for something.
type command struct {
	Do    string `json:"do"` // begin, go, memory
	Shape shape  `json:"shape"`
}

// answer is what the service says; each command fills in what it is about.
type answer struct {
	Error   string `json:"error,omitempty"`
	Address string `json:"address,omitempty"`
	Run     string `json:"run,omitempty"`
	Started int64  `json:"started,omitempty"` // of the run, ns since 1970
	CPU     int64  `json:"cpu_ns,omitempty"`
	Wall    int64  `json:"wall_ns,omitempty"`
	Heap    int64  `json:"heap,omitempty"` // in use, as are the stacks
	Stack   int64  `json:"stack,omitempty"`
	RSS     int64  `json:"rss,omitempty"` // 0 where the system does not tell
	Clients int    `json:"clients,omitempty"`
	Frames  uint64 `json:"frames,omitempty"`
	Encoded uint64 `json:"encoded,omitempty"`
}

func start(ctx context.Context) (*service, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := exec.CommandContext(ctx, self, serveArg)
	p.Stderr = os.Stderr
	in, err := p.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	s := &service{process: p, in: in, out: bufio.NewReader(out)}
	a, err := s.answer()
	s.address = a.Address
	return s, err
}

func (s *service) end() error { return errors.Join(s.in.Close(), s.process.Wait()) }

func (s *service) ask(c command) (answer, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return answer{}, err
	}
	if _, err := s.in.Write(append(b, '\n')); err != nil {
		return answer{}, err
	}
	return s.answer()
}

func (s *service) answer() (answer, error) {
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return answer{}, fmt.Errorf("the service has gone: %w", err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New("the service: " + a.Error)
	}
	return a, nil
}

// goal prints how a figure compares with what it is to be at most.
func goal(w io.Writer, what string, got, most float64, format string) {
	verdict := "met"
	if got > most {
		verdict = "MISSED"
	}
	fmt.Fprintf(w, "goal: %s at most "+format+", got "+format+": %s\n", what, most, got, verdict)
}

// table starts a table as the other benchmarks print them.
var table = bench.Table
