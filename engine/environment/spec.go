package environment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ErrInvalid means that a Spec cannot be prepared anywhere; the text says what was expected.
var ErrInvalid = errors.New("environment: invalid")

// Kind says what an environment is made from.
type Kind string

// Kinds, each with the files that it needs.
const (
	// PythonRequirements: requirements.txt, and the files that it includes.
	PythonRequirements Kind = "python-requirements"
	// PythonProject: pyproject.toml, of which the dependencies are installed and not the project itself. With uv.lock
	// the versions are those of the lock, and uv is needed.
	PythonProject Kind = "python-project"
	// NPM: package.json and package-lock.json.
	NPM Kind = "npm"
	// Folder: none; the folder is used as it is.
	Folder Kind = "folder"
)

// Names of lock files.
const (
	requirementsFile = "requirements.txt"
	projectFile      = "pyproject.toml"
	uvLockFile       = "uv.lock"
	packageFile      = "package.json"
	packageLockFile  = "package-lock.json"
)

// maxFiles bounds the bytes of all files of a Spec. The largest known lock files have a tenth of it.
const maxFiles = 32 << 20

// Spec says what an environment is made of.
type Spec struct {
	// Name is shown to people and does not enter the key.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Files are the lock files by their names without a folder, at most 32 MiB together.
	Files map[string][]byte `json:"files,omitempty"`
	// Python is the interpreter wanted: a version such as 3.11, a condition such as >=3.10,<3.13, or a path. Where it is
	// empty, the python3 of the PATH is used. Only for the Python kinds.
	Python string `json:"python,omitempty"`
	// FindLinks is the absolute path of a folder of wheels. Where it is set nothing else is asked, no index and no
	// network. Only for the Python kinds without uv.lock, whose entries say themselves where they come from.
	FindLinks string `json:"find_links,omitempty"`
	// Folder is the absolute path of a folder that exists, of the kind Folder: with a virtual environment as .venv or
	// itself, with node_modules, with programs in bin, or with none of them.
	Folder string `json:"folder,omitempty"`
}

// Check returns an error that wraps ErrInvalid and says what was expected, nil where the spec can be prepared on a
// machine that has the tools for it.
func (s *Spec) Check() error {
	switch err := s.check(); {
	case err == nil:
		return nil
	case s.Name != "":
		return fmt.Errorf("%w: %s: %w", ErrInvalid, s.Name, err)
	default:
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
}

func (s *Spec) check() error {
	if err := s.checkFiles(); err != nil {
		return err
	}
	switch s.Kind {
	case PythonRequirements:
		return errors.Join(s.need(requirementsFile), s.checkPython())
	case PythonProject:
		return errors.Join(s.need(projectFile), s.checkPython())
	case NPM:
		if err := errors.Join(s.need(packageFile, packageLockFile), s.refuse("the wanted Python", s.Python), s.refuse("the folder of wheels", s.FindLinks)); err != nil {
			return err
		}
		return s.checkPackageLock()
	case Folder:
		if !filepath.IsAbs(s.Folder) {
			return fmt.Errorf("the folder is %q, expected an absolute path", s.Folder)
		}
		if len(s.Files) > 0 {
			return fmt.Errorf("the kind %s has %d files, expected none", s.Kind, len(s.Files))
		}
		return errors.Join(s.refuse("the wanted Python", s.Python), s.refuse("the folder of wheels", s.FindLinks))
	default:
		return fmt.Errorf("the kind is %q, expected %s, %s, %s or %s", s.Kind, PythonRequirements, PythonProject, NPM, Folder)
	}
}

// checkFiles refuses names that could leave the folder of the environment, and too much.
func (s *Spec) checkFiles() error {
	size := 0
	for name, data := range s.Files {
		if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\\\x00") {
			return fmt.Errorf("a file has the name %q, expected one without a folder that does not begin with a dot", name)
		}
		size += len(data)
	}
	if size > maxFiles {
		return fmt.Errorf("the files have %d bytes, expected at most %d", size, maxFiles)
	}
	return nil
}

// need refuses a spec without one of the files.
func (s *Spec) need(names ...string) error {
	for _, name := range names {
		if _, ok := s.Files[name]; !ok {
			return fmt.Errorf("the kind %s has no file %s, expected one", s.Kind, name)
		}
	}
	return s.refuse("the folder", s.Folder)
}

// refuse is the error of a field that means nothing for the kind.
func (s *Spec) refuse(field, value string) error {
	if value == "" {
		return nil
	}
	return fmt.Errorf("%s is %q, expected nothing with the kind %s", field, value, s.Kind)
}

func (s *Spec) checkPython() error {
	if s.FindLinks != "" {
		if !filepath.IsAbs(s.FindLinks) {
			return fmt.Errorf("the folder of wheels is %q, expected an absolute path", s.FindLinks)
		}
		if _, locked := s.Files[uvLockFile]; locked {
			return fmt.Errorf("the folder of wheels is %q, expected none with %s, whose entries say where they come from", s.FindLinks, uvLockFile)
		}
	}
	if isPath(s.Python) {
		return nil
	}
	_, err := parseVersions(s.Python)
	return err
}

// checkPackageLock refuses what npm would only look for next to package.json: it makes links to nowhere of them, and
// reports success.
func (s *Spec) checkPackageLock() error {
	var lock struct {
		Version  int `json:"lockfileVersion"`
		Packages map[string]struct {
			Resolved string `json:"resolved"`
			Link     bool   `json:"link"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(s.Files[packageLockFile], &lock); err != nil {
		return fmt.Errorf("%s is no JSON as npm writes it: %w", packageLockFile, err)
	}
	if lock.Version < 2 {
		return fmt.Errorf("%s has lockfileVersion %d, expected 2 or more, as npm 7 and later write it", packageLockFile, lock.Version)
	}
	for name, p := range lock.Packages {
		path, local := strings.CutPrefix(p.Resolved, "file:")
		if p.Link || local && !filepath.IsAbs(path) {
			return fmt.Errorf("%s has %s as %q, which is next to the project, expected a registry or the absolute path of a packed file", packageLockFile, name, p.Resolved)
		}
	}
	return nil
}

// hashed reports whether requirements have hashes, with which pip then compares every file.
func (s *Spec) hashed() bool {
	for _, data := range s.Files {
		if bytes.Contains(data, []byte("--hash=")) {
			return true
		}
	}
	return false
}

// title names the spec in texts.
func (s *Spec) title() string {
	if s.Name != "" {
		return s.Name
	}
	return string(s.Kind)
}
