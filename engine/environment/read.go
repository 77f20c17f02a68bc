package environment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Read makes the spec of a path: of a lock file, or of a folder that has one, or else is the environment itself.
//
// The name of a file says its kind: pyproject.toml and uv.lock, package.json and package-lock.json, each with the other
// one next to it; any other file has requirements, and what it includes (-r, -c) is read as well if it is next to it.
// Packed modules that package-lock.json has by a path relative to it get an absolute path. The name of the spec is the
// path. The error wraps ErrInvalid where the path cannot be such a file.
func Read(path string) (Spec, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Spec{}, fmt.Errorf("environment: %w", err)
	}
	spec := Spec{Name: path, Files: map[string][]byte{}}
	if info.IsDir() {
		file, err := lockFileIn(path)
		if err != nil {
			return Spec{}, err
		}
		if file == "" {
			spec.Kind, spec.Files = Folder, nil
			spec.Folder, err = filepath.Abs(path)
			return spec, err
		}
		path = filepath.Join(path, file)
	}
	if err := spec.readLock(path); err != nil {
		return Spec{}, err
	}
	return spec, spec.Check()
}

// lockFileIn is the lock file of a folder, empty if it has none.
func lockFileIn(dir string) (string, error) {
	var found []string
	for _, name := range []string{requirementsFile, projectFile, packageLockFile} {
		if exists(filepath.Join(dir, name)) {
			found = append(found, name)
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("%w: %s has %s, expected one of them to be named", ErrInvalid, dir, strings.Join(found, " and "))
	}
	return strings.Join(found, ""), nil
}

// readLock reads a lock file and what belongs to it.
func (s *Spec) readLock(path string) error {
	dir, name := filepath.Split(path)
	switch name {
	case projectFile, uvLockFile:
		s.Kind = PythonProject
		err := s.readFile(dir, projectFile, projectFile)
		if err == nil && exists(filepath.Join(dir, uvLockFile)) {
			err = s.readFile(dir, uvLockFile, uvLockFile)
		}
		return err
	case packageFile, packageLockFile:
		s.Kind = NPM
		err := errors.Join(s.readFile(dir, packageFile, packageFile), s.readFile(dir, packageLockFile, packageLockFile))
		if err != nil {
			return err
		}
		return s.anchorModules(dir)
	default:
		s.Kind = PythonRequirements
		return s.readRequirements(dir, name, requirementsFile)
	}
}

// readFile adds a file under a name that may differ.
func (s *Spec) readFile(dir, file, name string) error {
	path := filepath.Join(dir, file)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFiles {
		return fmt.Errorf("%w: %s is not a file of at most %d bytes", ErrInvalid, path, maxFiles)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	s.Files[name] = data
	return nil
}

var includes = regexp.MustCompile(`(?m)^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)`)

// readRequirements adds a file of requirements and those that it includes, each once.
func (s *Spec) readRequirements(dir, file, name string) error {
	if err := s.readFile(dir, file, name); err != nil {
		return err
	}
	for _, m := range includes.FindAllSubmatch(s.Files[name], -1) {
		other := string(m[1])
		if other == file || s.Files[other] != nil {
			continue
		}
		if other != filepath.Base(other) {
			return fmt.Errorf("%w: %s includes %s, expected a file next to it", ErrInvalid, filepath.Join(dir, file), other)
		}
		if err := s.readRequirements(dir, other, other); err != nil {
			return err
		}
	}
	return nil
}

var localModule = regexp.MustCompile(`"file:([^"/\\][^"\\]*)"`)

// anchorModules makes the paths of packed modules absolute, in both files alike since npm compares them: npm itself
// always writes them relative to the project, which is not where the environment is.
func (s *Spec) anchorModules(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	for name, data := range s.Files {
		s.Files[name] = localModule.ReplaceAllFunc(data, func(quoted []byte) []byte {
			path := localModule.FindSubmatch(quoted)[1]
			return []byte(`"file:` + filepath.Join(dir, string(path)) + `"`)
		})
	}
	return nil
}
