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

// Exit codes; a signal that ends the process at once leads to 128 plus its number.
const (
	exitOK          = 0
	exitFailed      = 1 // it could not continue
	exitUsage       = 2
	exitUnreachable = 3
)

// KillTime is how long children have to end after the second signal.
const KillTime = 2 * time.Second

// Main is the program: it parses the command line, executes tasks of the given workflows' functions until SIGTERM or
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
			err = nil // it was stopped before it had started
		}
	}
	os.Exit(w.report(err))
}

// self is the path of this program.
func self() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return os.Args[0]
}

// secondSignal is the state shared with the goroutine that ends the process on the second signal.
type secondSignal struct {
	came chan struct{} // closed when the signal arrives
	code int           // exit code, valid once came is closed
}

// exit ends the process if the second signal has arrived.
func (s *secondSignal) exit() {
	select {
	case <-s.came:
		os.Exit(s.code)
	default:
	}
}

// untilSignals returns a context that the first signal cancels. The second signal ends the process, after KillTime if there
// are children. Its goroutine lives as long as the process.
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

// whole makes Write safe for concurrent use.
type whole struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (s *whole) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// commandLine has the flags of a worker program.
type commandLine struct {
	Help    helpFlag    `short:"h" help:"Show help."`
	Version versionFlag `help:"Show what this program was built from."`
	JSON    bool        `name:"json" help:"Write the log as lines of JSON."`
	Options
}

// errPrinted ends parsing after help or the version was printed.
var errPrinted = errors.New("help was printed")

type helpFlag bool

// IgnoreDefault implements an interface of kong: the flag has no default.
func (helpFlag) IgnoreDefault() {}

// BeforeReset is called by kong before it checks anything.
func (helpFlag) BeforeReset(c *kong.Context) error {
	return errors.Join(c.PrintUsage(false), errPrinted)
}

type versionFlag bool

// IgnoreDefault implements an interface of kong: the flag has no default.
func (versionFlag) IgnoreDefault() {}

// BeforeReset is called by kong before it checks anything.
func (versionFlag) BeforeReset(c *kong.Context) error {
	_, err := fmt.Fprintf(c.Stdout, "%s: dagscope %s, %s, %s/%s\n", c.Model.Name, version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return errors.Join(err, errPrinted)
}

// module is the path of the module that this package belongs to.
const module = "github.com/dagscope/dagscope"

// version is the version of dagscope, whatever program links it.
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

// parse parses the arguments; the error is errPrinted if they only ask for help or the version.
func (w World) parse(args []string) (*commandLine, error) {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name(w.Program),
		kong.Description("Executes tasks of dagscope runs that processes share over Redis."),
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

// report prints an error and returns the exit code.
func (w World) report(err error) int {
	var (
		mistake     UsageError
		parse       *kong.ParseError
		unreachable UnreachableError
	)
	switch {
	case err == nil, errors.Is(err, errPrinted):
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
