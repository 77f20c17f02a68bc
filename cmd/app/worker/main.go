package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/dagscope/dagscope/engine"
)

// Exit codes; a signal that ends the process at once gives 128 and its number.
const (
	exitOK          = 0
	exitFailed      = 1 // it could not go on
	exitUsage       = 2
	exitUnreachable = 3
)

// KillTime is what children get to die in, after the second signal.
const KillTime = 2 * time.Second

// Main is the program: it reads the command line, works for the functions of the given workflows until SIGTERM or
// Ctrl-C, and exits.
func Main(workflows ...*engine.Workflow) {
	w := World{
		Program: filepath.Base(os.Args[0]), Command: append([]string{self()}, os.Args[1:]...), Workflows: workflows,
		Stdout: &whole{w: os.Stdout}, Stderr: &whole{w: os.Stderr},
	}
	line, err := w.parse(os.Args[1:])
	if err == nil {
		ctx, second := untilSignals(context.Background(), line.Children > 0)
		w.JSON, w.Hurry = line.JSON, second.came
		err = Run(ctx, line.Options, w)
		second.exit()
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil // it was told to end before it had begun
		}
	}
	os.Exit(w.tell(err))
}

// self is the path of this program.
func self() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return os.Args[0]
}

// secondSignal ends the process though it is not done.
type secondSignal struct {
	came chan struct{} // closed when it does
	code int           // to exit with, valid once it came
}

// exit ends the process if the signal came.
func (s *secondSignal) exit() {
	select {
	case <-s.came:
		os.Exit(s.code)
	default:
	}
}

// untilSignals gives a context that the first signal ends. The second one ends the process, at once or, with children,
// when these have had time to. Its goroutine lives as long as the process.
func untilSignals(parent context.Context, hasChildren bool) (context.Context, *secondSignal) {
	ctx, cancel := context.WithCancel(parent)
	second := &secondSignal{came: make(chan struct{})}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		second.code = 128 + int((<-signals).(syscall.Signal))
		close(second.came)
		if hasChildren {
			time.Sleep(KillTime)
		}
		second.exit()
	}()
	return ctx, second
}

// whole lets several goroutines write, each Write as a whole.
type whole struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *whole) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// commandLine is what a worker program understands.
type commandLine struct {
	Help    helpFlag    `short:"h" help:"Show what is possible."`
	Version versionFlag `help:"Show what this program was built from."`
	JSON    bool        `name:"json" help:"Write the log as JSON, a line each."`
	Options
}

// errTold ends parsing once what was asked for is printed.
var errTold = errors.New("it was printed")

type helpFlag bool

// IgnoreDefault tells kong that there is nothing to reset.
func (helpFlag) IgnoreDefault() {}

// BeforeReset runs before anything is required or checked.
func (helpFlag) BeforeReset(c *kong.Context) error {
	return errors.Join(c.PrintUsage(false), errTold)
}

type versionFlag bool

// IgnoreDefault tells kong that there is nothing to reset.
func (versionFlag) IgnoreDefault() {}

// BeforeReset runs before anything is required or checked.
func (versionFlag) BeforeReset(c *kong.Context) error {
	_, err := fmt.Fprintf(c.Stdout, "%s: dagscope %s, %s, %s/%s\n", c.Model.Name, version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return errors.Join(err, errTold)
}

// module is the path of the module that this package belongs to.
const module = "github.com/dagscope/dagscope"

// version is that of dagscope, whatever program links it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	for _, d := range info.Deps {
		if d.Path == module {
			return d.Version
		}
	}
	return info.Main.Version
}

// parse reads the arguments; the error is errTold where they only ask for something to be printed.
func (w World) parse(args []string) (*commandLine, error) {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name(w.Program),
		kong.Description("Takes part in runs of dagscope that others have submitted, over Redis."),
		kong.Writers(w.Stdout, w.Stderr),
		kong.NoDefaultHelp(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, fmt.Errorf("describe the command line: %w", err)
	}
	_, err = parser.Parse(args)
	return &line, err
}

// tell prints what went wrong and gives the exit code.
func (w World) tell(err error) int {
	var (
		mistake     UsageError
		parse       *kong.ParseError
		unreachable UnreachableError
	)
	switch {
	case err == nil, errors.Is(err, errTold):
		return exitOK
	case errors.As(err, &parse), errors.As(err, &mistake):
		fmt.Fprintf(w.Stderr, "%s: %v; see %s --help\n", w.Program, err, w.Program)
		return exitUsage
	}
	fmt.Fprintf(w.Stderr, "%s: %v\n", w.Program, err)
	if errors.As(err, &unreachable) {
		return exitUnreachable
	}
	return exitFailed
}
