package environment

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"github.com/dagscope/dagscope/engine/process"
)

// attempt is one preparation, which makes the environment in its final folder: programs of an environment name that
// folder, so it cannot be made elsewhere and moved. No mark names the folder until all of it is on disk.
type attempt struct {
	*plan

	tools *tools
	dir   string   // of the environment
	env   []string // of the installers

	mu   sync.Mutex
	line string // the last one of the installer
}

// tmpDir is where installers unpack, inside the environment's folder, so that nothing of a killed one stays elsewhere.
const tmpDir = "tmp"

// run runs an installer in the folder of the environment. The error is an *installerError, that of starting it, or the
// cause of ctx.
func (a *attempt) run(ctx context.Context, args ...string) error {
	a.said(strings.Join(args, " "))
	result, err := process.Run(ctx, process.Command{
		Args: args, Dir: a.dir, Env: a.env, Grace: grace,
		Lines: func(l process.Line) { a.said(l.Text) },
	})
	var exit *process.ExitError
	if errors.As(err, &exit) {
		return &installerError{program: filepath.Base(args[0]), ending: ending(result), tail: result.Tail}
	}
	return err
}

// said keeps the last line of the installer.
func (a *attempt) said(line string) {
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.line = line
}

func (a *attempt) lastLine() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.line
}
