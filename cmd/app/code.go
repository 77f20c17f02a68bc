package app

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/python"
)

// codeDir is the folder of working folders and unpacked bundles in that of the records.
const codeDir = "code"

// useCode makes the runner of tasks that are not compiled in. secret signs what this process submits, and is what tasks
// have to be signed with that it executes; nil if it shares no runs.
func useCode(s *session, secret []byte) error {
	runner, err := code.New(code.Config{
		Dir: filepath.Join(s.flags.Data, codeDir), Environments: filepath.Join(s.flags.Data, "environments"), Package: python.FS(), Secret: secret,
		SecretValue: secretValue,
	})
	s.code = runner
	return err
}

// secretVariables is what the names of variables begin with that tasks may get as secrets.
const secretVariables = "DAGSCOPE_SECRET_"

// secretValue is the value of a secret: of a variable of this process, or of the file that a variable names.
func secretValue(name string) (string, error) {
	if value, ok := os.LookupEnv(secretVariables + name); ok {
		return value, nil
	}
	if file := os.Getenv(secretVariables + "FILE_" + name); file != "" {
		value, err := os.ReadFile(file)
		return strings.TrimRight(string(value), "\r\n"), err
	}
	return "", usage("the secret %s is not known here, expected it in the variable %s%s, or its file in %sFILE_%s",
		name, secretVariables, name, secretVariables, name)
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
