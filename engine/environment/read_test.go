package environment

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// folderWith writes files into a new folder.
func folderWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

const emptyLock = `{"lockfileVersion": 3, "packages": {}}`

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		path  string // in the folder
		kind  Kind
		want  []string // files of the spec
	}{
		{"a folder with requirements", map[string]string{"requirements.txt": "a"}, "", PythonRequirements, []string{"requirements.txt"}},
		{"another name", map[string]string{"dev.txt": "a", "requirements.txt": "b"}, "dev.txt", PythonRequirements, []string{"requirements.txt"}},
		{
			"included files",
			map[string]string{"requirements.txt": "a\n-r b.txt\n--constraint=c.txt", "b.txt": "-r c.txt\n-r b.txt", "c.txt": "", "d.txt": ""},
			"",
			PythonRequirements,
			[]string{"b.txt", "c.txt", "requirements.txt"},
		},
		{"a project", map[string]string{"pyproject.toml": ""}, "", PythonProject, []string{"pyproject.toml"}},
		{"a locked project", map[string]string{"pyproject.toml": "", "uv.lock": ""}, "uv.lock", PythonProject, []string{"pyproject.toml", "uv.lock"}},
		{
			"modules",
			map[string]string{"package.json": "{}", "package-lock.json": emptyLock, "index.js": ""},
			"package.json",
			NPM,
			[]string{"package-lock.json", "package.json"},
		},
		{"a folder", map[string]string{"x": ""}, "", Folder, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(folderWith(t, c.files), c.path)
			spec, err := Read(path)
			require.NoError(t, err)
			assert.Equal(t, path, spec.Name)
			assert.Equal(t, c.kind, spec.Kind)
			assert.Equal(t, c.want, slices.Sorted(maps.Keys(spec.Files)))
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		path  string
		want  string
	}{
		{"two kinds", map[string]string{"requirements.txt": "", "pyproject.toml": ""}, "", "has requirements.txt and pyproject.toml, expected one of them to be named"},
		{"no such file", nil, "absent.txt", "absent.txt"},
		{"no project for the lock", map[string]string{"uv.lock": ""}, "uv.lock", "pyproject.toml"},
		{"no lock for the modules", map[string]string{"package.json": "{}"}, "package.json", "package-lock.json"},
		{"an include elsewhere", map[string]string{"requirements.txt": "-r ../b.txt"}, "", "includes ../b.txt, expected a file next to it"},
		{"an include that is missing", map[string]string{"requirements.txt": "-r b.txt"}, "", "b.txt"},
		{
			"a folder as a module", map[string]string{
				"package.json": "{}", "package-lock.json": `{"lockfileVersion": 3, "packages": {"node_modules/a": {"resolved": "../a", "link": true}}}`,
			}, "", `has node_modules/a as "../a", which is next to the project`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(filepath.Join(folderWith(t, c.files), c.path))
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestSpecRefused(t *testing.T) {
	good := func() Spec {
		return Spec{Kind: PythonRequirements, Files: map[string][]byte{requirementsFile: nil}}
	}
	npm := func() Spec {
		return Spec{Kind: NPM, Files: map[string][]byte{packageFile: []byte("{}"), packageLockFile: []byte(emptyLock)}}
	}
	for _, s := range []Spec{good(), npm(), {Kind: Folder, Folder: t.TempDir()}} {
		require.NoError(t, s.Check())
	}
	for _, c := range []struct {
		name   string
		from   func() Spec
		change func(*Spec)
		want   string
	}{
		{"no kind", good, func(s *Spec) { s.Kind = "" }, `the kind is "", expected python-requirements, python-project, npm or folder`},
		{"no file", good, func(s *Spec) { s.Files = nil }, "has no file requirements.txt"},
		{"no lock", npm, func(s *Spec) { delete(s.Files, packageLockFile) }, "has no file package-lock.json"},
		{"a path", good, func(s *Spec) { s.Files["../x"] = nil }, `a file has the name "../x"`},
		{"a hidden name", good, func(s *Spec) { s.Files[".venv"] = nil }, `a file has the name ".venv"`},
		{"too much", good, func(s *Spec) { s.Files["x"] = make([]byte, maxFiles+1) }, "expected at most"},
		{"Python", good, func(s *Spec) { s.Python = "new" }, `the wanted Python is "new", expected a version`},
		{"wheels", good, func(s *Spec) { s.FindLinks = "wheels" }, `the folder of wheels is "wheels", expected an absolute path`},
		{"folder", good, func(s *Spec) { s.Folder = "/x" }, `the folder is "/x", expected nothing with the kind python-requirements`},
		{"relative folder", good, func(s *Spec) { *s = Spec{Kind: Folder, Folder: "x"} }, `the folder is "x", expected an absolute path`},
		{"files in a folder", good, func(s *Spec) { s.Kind, s.Folder = Folder, "/x" }, "the kind folder has 1 files, expected none"},
		{"Python for Node.js", npm, func(s *Spec) { s.Python = "3.11" }, `the wanted Python is "3.11", expected nothing`},
		{"no JSON", npm, func(s *Spec) { s.Files[packageLockFile] = []byte("{") }, "package-lock.json is no JSON as npm writes it"},
		{"an old lock", npm, func(s *Spec) { s.Files[packageLockFile] = []byte(`{"lockfileVersion": 1}`) }, "expected 2 or more"},
		{"wheels for a lock", good, func(s *Spec) {
			s.Kind, s.FindLinks, s.Files = PythonProject, "/x", map[string][]byte{projectFile: nil, uvLockFile: nil}
		}, "expected none with uv.lock"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from()
			c.change(&s)
			err := s.Check()
			require.ErrorIs(t, err, ErrInvalid)
			assert.ErrorContains(t, err, c.want)
		})
	}
}
