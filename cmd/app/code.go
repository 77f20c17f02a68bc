package app

import (
	"log/slog"
	"path/filepath"
	"strings"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/python"
	webcode "github.com/dagscope/dagscope/web/code"
)

// codeDir is the folder of working folders and unpacked bundles in that of the records.
const codeDir = "code"

// codeFlags say how a command executes what is not compiled in.
type codeFlags struct {
	envFlags
	KeepFailed bool `help:"Keep the working folders of commands that fail; the log of the task says where."`
}

// useCode makes the runner of tasks that are not compiled in. secret signs what this process submits, and is what tasks
// have to be signed with that it executes; nil if it shares no runs. allowPickle accepts pickles from
// calls that ask for it.
func (f codeFlags) useCode(s *session, secret []byte, allowPickle bool) error {
	runner, err := code.New(code.Config{
		Dir: filepath.Join(s.flags.Data, codeDir), Environments: f.dir(s), Package: python.FS(), Secret: secret,
		SecretValue: fleet.SecretValue, AllowPickle: allowPickle, KeepFailed: f.KeepFailed,
	})
	s.code = runner
	return err
}

// codeHandler accepts code from clients that can read the data folder or have the token for it.
func (c *serveCommand) codeHandler(s *session, m *machinery, tokens serviceTokens, log *slog.Logger) *webcode.Handler {
	keys := []string{tokens.key}
	if tokens.code != "" {
		keys = append(keys, tokens.code)
	}
	return webcode.New(webcode.Config{
		Engine: m.engine, Runner: s.code, Dir: filepath.Join(s.flags.Data, codeDir, "archives"), Keys: keys, Base: c.BasePath, Log: log,
	})
}

// isPipeline reports whether the argument of the command run is a pipeline file rather than the name of a workflow.
func isPipeline(argument string) bool {
	return strings.ContainsAny(argument, `/\`) || strings.HasSuffix(argument, ".yaml") || strings.HasSuffix(argument, ".yml")
}

// loadPipeline adds the workflow of a pipeline file, in place of one of the same name, and returns its name.
func loadPipeline(s *session, file string) (string, error) {
	w, err := pipeline.Load(file, s.code)
	if err != nil {
		return "", usage("%w", err)
	}
	workflows := []*engine.Workflow{w}
	for _, other := range s.workflows {
		if other.Name != w.Name {
			workflows = append(workflows, other)
		}
	}
	s.workflows = workflows
	return w.Name, nil
}
