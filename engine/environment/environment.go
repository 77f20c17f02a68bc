package environment

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Environment is one that is ready. Its fields do not change; it is safe for concurrent use.
type Environment struct {
	Key   Key
	Name  string // for people
	Kind  Kind
	Dir   string // absolute; what it holds is only read
	Bytes int64  // on disk; 0 for the kind Folder

	lock *os.File // shared, nil for the kind Folder
}

// Release lets the environment be pruned. Call it once, after the last program that uses it has ended.
func (e *Environment) Release() {
	if e.lock != nil {
		_ = e.lock.Close() // ends the lock; nothing is written to it
	}
}

// Env returns base, which is KEY=value, with the environment added: its folders of programs come first in the PATH,
// VIRTUAL_ENV and NODE_PATH name it if it is for Python and for Node.js, and PYTHONHOME is left out, with which its
// interpreter would not find its packages. The slice base is not changed.
func (e *Environment) Env(base []string) []string {
	set := []string{}
	if venv := e.venv(); venv != "" {
		set = append(set, "VIRTUAL_ENV="+venv)
		base = without(base, "PYTHONHOME")
	}
	if modules := filepath.Join(e.Dir, modulesDir); exists(modules) {
		set = append(set, "NODE_PATH="+modules)
	}
	if programs := e.programs(); len(programs) > 0 {
		if path := value(base, "PATH"); path != "" {
			programs = append(programs, path)
		}
		set = append(set, "PATH="+strings.Join(programs, string(os.PathListSeparator)))
	}
	return with(base, set...)
}

// Python is the path of the environment's interpreter, empty if it has none.
func (e *Environment) Python() string {
	for _, dir := range e.programs() {
		if path := filepath.Join(dir, "python"); exists(path) {
			return path
		}
	}
	return ""
}

// Folders of an environment.
const (
	venvDir     = ".venv" // where uv expects it
	programsDir = "bin"
	modulesDir  = "node_modules"
)

// venv is the folder of the virtual environment, empty if there is none. A folder of the user may be one itself.
func (e *Environment) venv() string {
	for _, dir := range []string{filepath.Join(e.Dir, venvDir), e.Dir} {
		if exists(filepath.Join(dir, "pyvenv.cfg")) {
			return dir
		}
	}
	return ""
}

// programs are the folders of programs that the environment has.
func (e *Environment) programs() []string {
	var dirs []string
	for _, dir := range []string{
		filepath.Join(e.Dir, venvDir, programsDir), filepath.Join(e.Dir, programsDir), filepath.Join(e.Dir, modulesDir, ".bin"),
	} {
		if exists(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// with is an environment with variables set; programs differ in which of two entries with one name they see.
func with(env []string, set ...string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name+"=") })
	})
	return append(out, set...)
}

// without is an environment without a variable.
func without(env []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(e string) bool { return strings.HasPrefix(e, name+"=") })
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
