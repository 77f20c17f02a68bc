package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// Errors of a Drawer.
var (
	// ErrNoGraphviz: the program dagscope-graphviz was not found.
	ErrNoGraphviz = errors.New("layout: dagscope-graphviz was not found")
	// ErrTooLarge: the graph has more than Config.MaxTasks tasks, or its drawing more than Config.MaxBytes bytes.
	ErrTooLarge = errors.New("layout: graph too large for Graphviz")
	// ErrTimeout: Graphviz took too long and was killed.
	ErrTimeout = errors.New("layout: Graphviz took too long")
	// ErrUnknownFormat: the format is not one of Formats.
	ErrUnknownFormat = errors.New("layout: unknown format")
)

// Formats returns the formats that Draw supports.
func Formats() []string { return []string{"dot", "png", "svg"} }

// Config says how Graphviz is run. With the zero value there is no Graphviz, and a Drawer only writes DOT.
type Config struct {
	Command  string        // path of the program dagscope-graphviz
	Cache    string        // existing private folder for the compiled form of the program; default: the folder for temporary files
	Timeout  time.Duration // for one drawing, without the wait for its turn; default 20 s
	MaxTasks int           // of a graph, counting each body of a fan-out once; default 300
	MaxBytes int           // of a drawing; default 32 MiB
}

// Drawer runs Graphviz in a separate process, one at a time: other callers wait for their turn. A process that takes
// too long, or whose caller's context ends, is killed with all its children. Safe for concurrent use.
type Drawer struct {
	cfg  Config
	turn chan struct{} // holds one token while a process runs
}

// NewDrawer checks the numbers, but not whether the program exists: each drawing checks that.
func NewDrawer(cfg Config) (*Drawer, error) {
	if cfg.Timeout < 0 || cfg.MaxTasks < 0 || cfg.MaxBytes < 0 {
		return nil, fmt.Errorf("layout: Timeout is %v, MaxTasks %d and MaxBytes %d, must not be negative",
			cfg.Timeout, cfg.MaxTasks, cfg.MaxBytes)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	if cfg.MaxTasks == 0 {
		cfg.MaxTasks = 300
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 32 << 20
	}
	return &Drawer{cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// Draw draws a graph from left to right, tasks with their names and labels, and bodies of fan-outs framed. DOT is
// produced without Graphviz, for any graph. SVG and PNG can fail with ErrNoGraphviz, ErrTooLarge, ErrTimeout or the
// cause of ctx.
func (d *Drawer) Draw(ctx context.Context, g *dag.Graph, labels Labels, format string) ([]byte, error) {
	if !slices.Contains(Formats(), format) {
		return nil, fmt.Errorf("%w: %q, expected one of %s", ErrUnknownFormat, format, strings.Join(Formats(), ", "))
	}
	if format == "dot" {
		return dotText(g, labels), nil
	}
	if err := d.check(g); err != nil {
		return nil, err
	}
	return d.run(ctx, dotText(g, labels), format)
}

// Dot returns the layout that Graphviz's dot finds, with the same elements, edges and sizes as Compute's. It fails like
// Draw; callers then fall back to Compute.
func (d *Drawer) Dot(ctx context.Context, g *dag.Graph) (*Layout, error) {
	if err := d.check(g); err != nil {
		return nil, err
	}
	l := Compute(g)
	plain, err := d.run(ctx, dotElements(l.Scopes), "plain")
	if err != nil {
		return nil, err
	}
	return placed(l, plain)
}

func (d *Drawer) check(g *dag.Graph) error {
	tasks := 0
	for i := range g.Scopes() {
		tasks += int(g.Scope(int32(i)).Tasks())
	}
	if tasks > d.cfg.MaxTasks {
		return fmt.Errorf("%w: it has %d tasks, at most %d are drawn", ErrTooLarge, tasks, d.cfg.MaxTasks)
	}
	return nil
}

// run waits for its turn and runs the program once.
func (d *Drawer) run(ctx context.Context, dot []byte, format string) ([]byte, error) {
	if d.cfg.Command == "" {
		return nil, ErrNoGraphviz
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, fmt.Errorf("%w: more than %v", ErrTimeout, d.cfg.Timeout))
	defer cancel()
	cmd := exec.CommandContext(limited, d.cfg.Command, "-layout", "dot", "-format", format)
	out, messages := &capped{most: d.cfg.MaxBytes}, &capped{most: 4 << 10}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(dot), out, messages
	if d.cfg.Cache != "" {
		cmd.Env = append(cmd.Environ(), "TMPDIR="+d.cfg.Cache)
	}
	cmd.WaitDelay = time.Second // for pipes that a child of a killed program still has open
	killTogether(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return out.b.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %w", ErrNoGraphviz, err)
	case out.over:
		return nil, fmt.Errorf("%w: its drawing has more than %d bytes", ErrTooLarge, d.cfg.MaxBytes)
	case limited.Err() != nil:
		return nil, context.Cause(limited)
	default:
		return nil, fmt.Errorf("layout: dagscope-graphviz: %w: %s", err, strings.TrimSpace(messages.b.String()))
	}
}

// capped keeps what is written up to a limit and fails beyond it.
type capped struct {
	b    bytes.Buffer
	most int
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.b.Len()+len(p) > c.most {
		c.over = true
		return 0, errors.New("layout: too much output")
	}
	return c.b.Write(p)
}
