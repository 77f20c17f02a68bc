package environment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEnv: variables name what a folder has, and nothing that it has not.
func TestEnv(t *testing.T) {
	base := []string{"PATH=/bin", "PYTHONHOME=/p", "VIRTUAL_ENV=/v", "A=1"}
	for _, c := range []struct {
		name   string
		made   []string // paths in the folder, the last element a file
		want   []string // with DIR for the folder
		python string
	}{
		{"nothing", nil, base, ""},
		{"programs", []string{"bin/tool"}, []string{"PYTHONHOME=/p", "VIRTUAL_ENV=/v", "A=1", "PATH=DIR/bin:/bin"}, ""},
		{
			"a virtual environment",
			[]string{"pyvenv.cfg", "bin/python"},
			[]string{"A=1", "VIRTUAL_ENV=DIR", "PATH=DIR/bin:/bin"},
			"DIR/bin/python",
		},
		{
			"both kinds",
			[]string{".venv/pyvenv.cfg", ".venv/bin/python", "node_modules/.bin/tool"},
			[]string{"A=1", "VIRTUAL_ENV=DIR/.venv", "NODE_PATH=DIR/node_modules", "PATH=DIR/.venv/bin:DIR/node_modules/.bin:/bin"},
			"DIR/.venv/bin/python",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, path := range c.made {
				path = filepath.Join(dir, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				require.NoError(t, os.WriteFile(path, nil, 0o700))
			}
			s, err := Open(t.TempDir())
			require.NoError(t, err)
			e, err := s.Prepare(t.Context(), Spec{Kind: Folder, Folder: dir}, nil)
			require.NoError(t, err)
			defer e.Release()
			got := e.Env(base)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], dir, "DIR")
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.python, strings.ReplaceAll(e.Python(), dir, "DIR"))
			assert.Equal(t, "PYTHONHOME=/p", base[1], "base is not changed")
		})
	}
	e := &Environment{Dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(e.Dir, "bin"), 0o700))
	assert.Equal(t, []string{"PATH=" + filepath.Join(e.Dir, "bin")}, e.Env(nil), "no empty element, which is the working folder")
}

// TestFolderRefused: a folder has to exist.
func TestFolderRefused(t *testing.T) {
	s, err := Open(t.TempDir())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "file")
	_, err = s.Prepare(t.Context(), Spec{Name: "mine", Kind: Folder, Folder: file}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = s.Prepare(t.Context(), Spec{Name: "mine", Kind: Folder, Folder: file}, nil)
	assert.ErrorContains(t, err, "environment: mine: "+file+" is a file, expected a folder")
}

// TestVariables: installers get what concerns them and no secrets, and nothing that leads them elsewhere.
func TestVariables(t *testing.T) {
	for name, value := range map[string]string{
		"PIP_INDEX_URL": "u", "npm_config_offline": "true", "TOKEN": "x", "PIP_TARGET": "/t", "PIP_USER": "1", "PYTHONPATH": "/p", "NODE_PATH": "/n",
	} {
		t.Setenv(name, value)
	}
	s, err := Open(t.TempDir())
	require.NoError(t, err)
	for _, want := range []string{"PIP_INDEX_URL=u", "npm_config_offline=true", "PIP_NO_INPUT=1", "PATH=" + os.Getenv("PATH")} {
		assert.Contains(t, s.tools.env, want)
	}
	for _, name := range []string{"TOKEN", "PIP_TARGET", "PIP_USER", "PYTHONPATH", "NODE_PATH"} {
		assert.Empty(t, value(s.tools.env, name), name)
	}
}
