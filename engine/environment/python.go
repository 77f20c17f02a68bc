package environment

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// installRequirements makes a virtual environment and installs requirements.txt into it.
func (a *attempt) installRequirements(ctx context.Context) error {
	install, err := a.makeVenv(ctx)
	if err != nil {
		return err
	}
	install = append(install, "-r", requirementsFile)
	if a.spec.hashed() {
		install = append(install, "--require-hashes")
	}
	if a.spec.FindLinks != "" {
		a.onlyFolder()
		install = append(install, "--no-index", "--find-links", a.spec.FindLinks)
	}
	return a.run(ctx, install...)
}

// onlyFolder keeps installers from other folders of wheels, which files of settings may name and the key does not have.
func (a *attempt) onlyFolder() {
	for _, name := range []string{"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE"} {
		a.env = without(a.env, name)
	}
	a.env = with(a.env, "PIP_CONFIG_FILE="+os.DevNull, "UV_NO_CONFIG=1") // of pip documented as no file at all
}

// makeVenv makes the virtual environment with the first tool that can, and returns the command that installs into it:
// the interpreter's own pip, which saves putting another one into the environment; a pip that ensurepip puts there; uv.
func (a *attempt) makeVenv(ctx context.Context) (install []string, err error) {
	venv := filepath.Join(a.dir, venvDir)
	python := filepath.Join(venv, programsDir, "python")
	pip := []string{"install", "--no-color", "--progress-bar=off"}
	isolated := []string{a.python.Path, "-I", "-m"}
	switch p := &a.python; {
	case p.Venv && p.pipElsewhere():
		err = a.run(ctx, append(isolated, "venv", "--without-pip", venv)...)
		return append(append(isolated, "pip", "--python", python), pip...), err
	case p.Venv && p.EnsurePip:
		err = a.run(ctx, append(isolated, "venv", venv)...)
		return append([]string{python, "-I", "-m", "pip"}, pip...), err
	}
	uv, ok := a.tools.look("uv")
	if !ok {
		return nil, errors.New(a.python.lacks())
	}
	err = a.run(ctx, uv, "venv", "--python", a.python.Path, venv)
	return []string{uv, "pip", "install", "--python", python}, err
}

// lacks says what has to be installed before the interpreter can make environments.
func (p *interpreter) lacks() string {
	missing := "has neither pip nor ensurepip"
	if !p.Venv {
		missing = "has no module venv"
	}
	return fmt.Sprintf("%s %s, expected one of them: install the package python%d.%d-venv (Debian and Ubuntu), or put uv on the PATH",
		p.Path, missing, p.version[0], p.version[1])
}

// installProject installs what a project depends on. With a lock uv alone can do that; otherwise the dependencies
// become requirements.
func (a *attempt) installProject(ctx context.Context) error {
	if _, locked := a.spec.Files[uvLockFile]; locked {
		return a.syncLocked(ctx)
	}
	lines, err := a.dependencies(ctx)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.dir, requirementsFile), []byte(lines), 0o600); err != nil {
		return err
	}
	return a.installRequirements(ctx)
}

// syncLocked has uv install what the lock names, and nothing else: the lock is not brought up to date, the project
// itself is not installed, and tools for its development are left out.
func (a *attempt) syncLocked(ctx context.Context) error {
	uv, ok := a.tools.look("uv")
	if !ok {
		return fmt.Errorf("%s needs uv, and there is none on the PATH, expected it as https://docs.astral.sh/uv/ installs it", uvLockFile)
	}
	return a.run(ctx, uv, "sync", "--frozen", "--no-install-project", "--no-dev", "--python", a.python.Path)
}

//go:embed project.py
var projectScript string

// dependencies reads those of pyproject.toml, one a line, and compares the Python that it requires with the interpreter.
func (a *attempt) dependencies(ctx context.Context) (string, error) {
	text, err := a.tools.ask(ctx, a.python.Path, "-I", "-c", projectScript, filepath.Join(a.dir, projectFile))
	if err != nil {
		return "", err
	}
	var project struct {
		Dependencies []string `json:"dependencies"`
		Python       string   `json:"python"`
		Dynamic      bool     `json:"dynamic"`
	}
	if err := json.Unmarshal([]byte(text), &project); err != nil {
		return "", fmt.Errorf("%s: %w", projectFile, err)
	}
	if project.Dynamic {
		return "", fmt.Errorf("%s leaves its dependencies to a build (dynamic), expected a list of them", projectFile)
	}
	required, err := parseVersions(project.Python)
	if err == nil && !required.accepts(a.python.version) { // pip decides on what is not understood here
		return "", fmt.Errorf("%s requires Python %s, and %s is %s", projectFile, project.Python, a.python.Path, a.python.Version)
	}
	return strings.Join(project.Dependencies, "\n") + "\n", nil
}
