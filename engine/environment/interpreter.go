package environment

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// interpreter is a Python that environments are made of.
type interpreter struct {
	Path       string `json:"path"` // of the base interpreter, where the one asked is that of an environment
	Version    string `json:"version"`
	ABI        string `json:"abi"` // such as cpython-311-x86_64-linux-gnu
	Platform   string `json:"platform"`
	Venv       bool   `json:"venv"`       // has the module venv
	EnsurePip  bool   `json:"ensure_pip"` // can put pip into an environment
	PipVersion string `json:"pip"`        // of its own pip, empty without

	version version
}

//go:embed probe.py
var probeScript string

// probe asks an interpreter what it is. The error is the program's.
func (t *tools) probe(ctx context.Context, path string) (interpreter, error) {
	// -I: neither the working folder nor variables or folders of the user decide what is imported.
	text, err := t.ask(ctx, path, "-I", "-c", probeScript)
	if err != nil {
		return interpreter{}, err
	}
	var p interpreter
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return interpreter{}, fmt.Errorf("%s does not answer as a Python does: %w", path, err)
	}
	if _, err := fmt.Sscanf(p.Version, "%d.%d.%d", &p.version[0], &p.version[1], &p.version[2]); err != nil {
		return interpreter{}, fmt.Errorf("%s does not answer as a Python does: its version is %q", path, p.Version)
	}
	return p, nil
}

// python finds the interpreter that is wanted: the python3 of the PATH if its version fits, otherwise the newest
// python3.N there that does. The error lists those that were found.
func (t *tools) python(ctx context.Context, wanted string) (interpreter, error) {
	if isPath(wanted) {
		return t.probe(ctx, wanted)
	}
	all, err := parseVersions(wanted)
	if err != nil {
		return interpreter{}, err
	}
	var found []string
	known := map[int]bool{} // minor versions in found
	for _, c := range t.pythons() {
		seen, minor := fmt.Sprintf("3.%d (%s)", c.minor, c.path), c.minor
		if c.minor < 0 || all.acceptsSome(c.minor) { // others need not be started, which takes its time
			p, err := t.probe(ctx, c.path)
			switch {
			case ctx.Err() != nil:
				return interpreter{}, context.Cause(ctx)
			case err != nil:
				continue // such as a shim for a version that is not installed
			case all.accepts(p.version):
				return p, nil
			}
			seen, minor = fmt.Sprintf("%s (%s)", p.version, c.path), p.version[1]
		}
		if !known[minor] {
			known[minor] = true
			found = append(found, seen)
		}
	}
	if len(found) == 0 {
		return interpreter{}, errors.New("there is no python3 on the PATH, expected one; Debian and Ubuntu have it in the package python3")
	}
	return interpreter{}, fmt.Errorf("Python %s is wanted, and the PATH has only %s", wanted, strings.Join(found, ", "))
}

// isPath reports whether a wanted interpreter is named by its path.
func isPath(wanted string) bool { return strings.ContainsRune(wanted, os.PathSeparator) }

var pythonName = regexp.MustCompile(`^python3\.(\d{1,4})$`)

// candidate is a program that may be a wanted interpreter.
type candidate struct {
	path  string
	minor int // by its name, -1 where that does not say it
}

// pythons are the candidates on the PATH, best first.
func (t *tools) pythons() []candidate {
	var plain, named []candidate
	for _, name := range []string{"python3", "python"} {
		if path, ok := t.look(name); ok {
			plain = append(plain, candidate{path, -1})
		}
	}
	for _, dir := range filepath.SplitList(value(t.env, "PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // a PATH may name folders that do not exist
		}
		for _, e := range entries {
			if m := pythonName.FindStringSubmatch(e.Name()); m != nil {
				minor, _ := strconv.Atoi(m[1]) // digits
				named = append(named, candidate{filepath.Join(dir, e.Name()), minor})
			}
		}
	}
	slices.SortStableFunc(named, func(a, b candidate) int { return b.minor - a.minor })
	return append(plain, named...)
}

// pipTakesPython is the first pip that installs into the environment of another interpreter (--python).
var pipTakesPython = version{22, 3}

// pipElsewhere reports whether the interpreter's own pip can install into an environment without pip, which saves
// putting pip into each of them.
func (p *interpreter) pipElsewhere() bool {
	var v version
	_, err := fmt.Sscanf(p.PipVersion, "%d.%d", &v[0], &v[1])
	return err == nil && !v.less(pipTakesPython)
}
