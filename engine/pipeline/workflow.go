package pipeline

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/environment"
	"github.com/dagscope/dagscope/engine/record"
)

// Load reads a pipeline file and makes a workflow of it, whose files are in the folder of the file. The error is an *Error
// or says why the file cannot be read.
func Load(file string, runner *code.Runner) (*engine.Workflow, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	p, err := Parse(file, text)
	if err != nil {
		return nil, err
	}
	return p.Workflow(filepath.Dir(file), runner), nil
}

// Workflow makes a workflow of a pipeline whose files are in a folder, and whose tasks the runner executes; without one it
// can be described but not submitted. The folder is read by each Build, so a run gets its files as they are when it is
// submitted.
func (p *Pipeline) Workflow(folder string, runner *code.Runner) *engine.Workflow {
	return &engine.Workflow{
		Name: p.Name, Description: p.Description, Params: p.Params, Source: &record.Source{File: filepath.Base(p.file), Text: p.Source}, Dynamic: runner.Function,
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			bundle, err := p.bundle(folder)
			if err != nil {
				return nil, err
			}
			b := &builder{Builder: g, pipeline: p, runner: runner, args: args, bundle: engine.Const(g, bundle), hash: bundle.Hash}
			return b.build()
		},
	}
}

// bundle collects what the steps need of a folder; an empty one if they need nothing.
func (p *Pipeline) bundle(folder string) (code.Bundle, error) {
	var b code.Bundle
	patterns := p.Files
	if len(patterns) == 0 && usesPython(p.Steps) {
		patterns = []string{"**/*.py"}
	}
	if len(patterns) == 0 && len(p.Environments) == 0 {
		return b, nil
	}
	paths, err := matches(folder, patterns)
	if err != nil {
		return b, err
	}
	if b.Files, err = code.Pack(folder, paths); err != nil {
		return b, err
	}
	b.Environments = map[string]environment.Spec{}
	for _, e := range p.Environments {
		spec, err := e.spec(folder)
		if err != nil {
			return b, fmt.Errorf("%s:%d:%d: the environment %s: %w", p.file, e.at.line, e.at.column, e.name, err)
		}
		b.Environments[e.name] = spec
	}
	return b, b.Seal()
}

func (e *environmentFile) spec(folder string) (environment.Spec, error) {
	spec, err := environment.Read(filepath.Join(folder, filepath.FromSlash(e.path)))
	if err != nil {
		return spec, err
	}
	spec.Name, spec.Python = e.name, e.python
	if e.findLinks != "" {
		if spec.FindLinks = filepath.FromSlash(e.findLinks); !filepath.IsAbs(spec.FindLinks) {
			spec.FindLinks = filepath.Join(folder, spec.FindLinks)
		}
		spec.FindLinks, err = filepath.Abs(spec.FindLinks)
	}
	if err != nil {
		return spec, err
	}
	return spec, spec.Check()
}

func usesPython(steps []*step) bool {
	for _, t := range steps {
		if t.python != "" || usesPython(t.steps) {
			return true
		}
	}
	return false
}

// skippedFolders are not searched for files by patterns: what tools keep next to sources, and environments.
var skippedFolders = map[string]bool{"__pycache__": true, "node_modules": true, "venv": true, "env": true, "dagscope-data": true}

// matches lists the files of a folder that patterns match. Each pattern has to match one; a folder stands for all files
// below it. Hidden files have to be named.
func matches(folder string, patterns []string) ([]string, error) {
	found := map[string]bool{}
	root := os.DirFS(folder)
	for _, pattern := range patterns {
		if info, err := fs.Stat(root, pattern); err == nil && info.IsDir() {
			pattern = path.Join(pattern, "**")
		}
		n := len(found)
		known := 0
		err := doublestar.GlobWalk(root, pattern, func(p string, d fs.DirEntry) error {
			switch {
			case skipped(p, pattern) && d.IsDir():
				return doublestar.SkipDir
			case d.IsDir() || skipped(p, pattern):
				return nil
			case found[p]:
				known++
			}
			found[p] = true
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("pipeline: files has %q: %w, expected a pattern such as scripts/**", pattern, err)
		}
		if len(found) == n && known == 0 {
			return nil, fmt.Errorf("pipeline: files has %q, which no file in %s matches", pattern, folder)
		}
	}
	var out []string
	for p := range found {
		out = append(out, p)
	}
	return out, nil
}

// skipped reports whether a pattern only meets a file because it has a wildcard.
func skipped(p, pattern string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if (strings.HasPrefix(part, ".") && part != "." || skippedFolders[part]) && !strings.Contains(pattern, part) {
			return true
		}
	}
	return false
}
