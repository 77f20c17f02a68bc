//go:build unix

package environment

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// project is a spec of a pyproject.toml.
func project(wheels, text string) Spec {
	return Spec{Name: "demo", Kind: PythonProject, FindLinks: wheels, Files: map[string][]byte{projectFile: []byte(text)}}
}

// TestProject: what a project depends on is installed, the project itself is not, and a Python that it excludes is an
// error.
func TestProject(t *testing.T) {
	long(t)
	p := needPython(t)
	wheels := t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	wheel{name: "base", version: "2.0"}.write(t, wheels)
	e, err := open(t, t.TempDir()).Prepare(t.Context(), project(wheels, `
[project]
name = "mine"
version = "0.1"
requires-python = ">=3.6"
dependencies = ["base<2"]
`), nil)
	require.NoError(t, err)
	defer e.Release()
	assert.Equal(t, "1.0 None", ask(t, e, "python", "-c", "import base, importlib.util as u; print(base.version, u.find_spec('mine'))"))

	for _, c := range []struct{ text, want string }{
		{"[project]\nname = 'mine'\nrequires-python = '>=3.99'", "pyproject.toml requires Python >=3.99, and " + p.Path + " is " + p.Version},
		{"[project", "pyproject.toml is not TOML"},
		{"[tool.mine]", "pyproject.toml has no table project"},
		{"[project]\ndependencies = 'base'", "project.dependencies is not a list of texts"},
		{"[project]\ndynamic = ['dependencies']", "leaves its dependencies to a build (dynamic), expected a list of them"},
	} {
		failed := mustFail(t, t.TempDir(), project(wheels, c.text))
		assert.Contains(t, failed.Reason, c.want)
	}
}

// TestWithoutPip: an interpreter whose own pip is missing or old puts one into the environment; where it cannot, uv does
// all of it; where there is none, the error names the package.
func TestWithoutPip(t *testing.T) {
	long(t)
	p := needPython(t)
	wheels := t.TempDir()
	wheel{name: "base", version: "1.0"}.write(t, wheels)
	tools := standInForUV(t, p)
	for _, c := range []struct {
		name   string
		change func(*interpreter)
		path   string
		want   string
	}{
		{"ensurepip", func(p *interpreter) { p.PipVersion = "20.0.2"; p.EnsurePip = true }, t.TempDir(), ""},
		{"uv", func(p *interpreter) { p.PipVersion = ""; p.EnsurePip = false }, tools, ""},
		{"nothing", func(p *interpreter) { p.PipVersion = ""; p.EnsurePip = false }, t.TempDir(), "has neither pip nor ensurepip, expected one of them"},
		{"no venv", func(p *interpreter) { p.Venv = false }, t.TempDir(), fmt.Sprintf("install the package python3.%d-venv", p.version[1])},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path+":/usr/bin:/bin")
			s, err := Open(t.TempDir())
			require.NoError(t, err)
			spec := requirements(wheels, "base")
			spec.Python = p.Path
			j := &job{store: s}
			j.plan, err = s.tools.plan(t.Context(), spec)
			require.NoError(t, err)
			c.change(&j.python)
			err = j.build(t.Context())
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			e, err := s.take(j.key)
			require.NoError(t, err)
			defer e.Release()
			assert.Equal(t, "1.0", ask(t, e, "python", "-c", "import base; print(base.version)"))
		})
	}
}

// TestLockedProject: a lock is given to uv as it is, and without uv it is an error, not a project without a lock.
func TestLockedProject(t *testing.T) {
	p := needPython(t)
	spec := project("", "[project]\nname = 'mine'\nversion = '0.1'\n")
	spec.Files[uvLockFile] = []byte("version = 1\n")
	spec.Python = p.Path
	for _, c := range []struct{ name, path, want string }{
		{"uv", standInForUV(t, p), ""},
		{"none", t.TempDir(), "uv.lock needs uv, and there is none on the PATH"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path+":/usr/bin:/bin")
			s, err := Open(t.TempDir())
			require.NoError(t, err)
			e, err := s.Prepare(t.Context(), spec, nil)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			defer e.Release()
			assert.Equal(t, e.venv(), ask(t, e, "python", "-c", "import sys; print(sys.prefix)"))
		})
	}
}

// standInForUV is a folder with a program uv that does by pip what the tests need of uv, which few machines have.
func standInForUV(t *testing.T, p interpreter) string {
	t.Helper()
	script := fmt.Sprintf(`#!/bin/sh
set -e
python=%s
case "$1 $2" in
"venv --python") "$3" -I -m venv --without-pip "$4" ;;
"pip install")
	[ "$3" = --python ]
	into=$4
	shift 4
	exec "$python" -I -m pip --python "$into" install "$@"
	;;
"sync --frozen")
	[ "$3 $4 $5" = "--no-install-project --no-dev --python" ] && [ -s uv.lock ] && [ -s pyproject.toml ]
	"$6" -I -m venv --without-pip .venv
	;;
*) echo "error: unexpected argument $1" >&2 && exit 2 ;;
esac
`, p.Path)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "uv"), []byte(script), 0o700))
	return dir
}
