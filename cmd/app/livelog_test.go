package app

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
)

// awaited is a stdout that calls f once what was written contains word.
type awaited struct {
	bytes.Buffer
	word string
	f    func()
}

func (a *awaited) Write(b []byte) (int, error) {
	n, err := a.Buffer.Write(b)
	if strings.Contains(a.String(), a.word) {
		a.f()
	}
	return n, err
}

// TestLogsFollow: what a task logs is printed while it is executed, whether another process on the folder executes it or a
// service that this one asks. The task ends only when its first line was printed.
func TestLogsFollow(t *testing.T) {
	for _, through := range []string{"folder", "service"} {
		t.Run(through, func(t *testing.T) {
			heard := make(chan struct{})
			talk := engine.Func0("talk", func(ctx context.Context) (int, error) {
				if _, err := io.WriteString(engine.Task(ctx).Output, "first\nsec"); err != nil {
					return 0, err
				}
				select {
				case <-heard:
				case <-ctx.Done():
					return 0, ctx.Err()
				}
				_, err := io.WriteString(engine.Task(ctx).Output, "ond\nend")
				return 1, err
			})
			w := newWorld(t)
			w.workflows = []*engine.Workflow{{
				Name: "talk", Description: "A task that logs.", Functions: engine.Functions(talk),
				Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) { return talk.Call(g), nil },
			}}
			args := []string{"--data", w.dir, "logs", "last", "talk", "--follow"}
			if through == "service" {
				s := w.serve()
				defer s.ends()
				args = append(args, "--server", strings.TrimPrefix(strings.TrimSpace(s.first), "dagscope: "))
			}
			ended := w.begin("talk")
			stdout := awaited{word: "    first\n", f: sync.OnceFunc(func() { close(heard) })}
			var stderr bytes.Buffer
			p := &program{name: "dagscope", workflows: w.workflows, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
			require.Equal(t, exitOK, p.run(t.Context(), args), stderr.String())
			assert.Regexp(t, `^talk, attempt 1: executing
  log
    first
    second
    end
talk, attempt 1: ok after .*, on worker 0 slot \d+

$`, stdout.String())
			assert.Equal(t, exitOK, (<-ended).code)
		})
	}
}
