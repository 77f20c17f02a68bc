package code

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dagscope/dagscope/engine"
)

// Names of the parts of a file as a value.
const (
	FileName       = "name"
	FileContent    = "content"    // bytes
	FileExecutable = "executable" // a truth value
)

// FileValue is a file that is not executable, to be encoded as a value.
func FileValue(name string, content []byte) map[string]any { return fileValue(name, content, 0) }

func fileValue(name string, content []byte, mode fs.FileMode) map[string]any {
	return map[string]any{FileName: name, FileContent: content, FileExecutable: mode&0o111 != 0}
}

// contentOf is what a file gets that a value is written to.
func contentOf(v any) ([]byte, fs.FileMode) {
	switch v := v.(type) {
	case map[string]any:
		content, isFile := v[FileContent].([]byte)
		if isFile && v[FileExecutable] == true {
			return content, 0o755
		}
		if isFile {
			return content, 0o644
		}
	case []byte:
		return v, 0o644
	}
	return []byte(asText(v)), 0o644
}

// write writes a value into the working folder: a file as it is, bytes and texts as they are, anything else as JSON.
func (w *work) write(path string, v any) error {
	if !fs.ValidPath(path) {
		return engine.NoRetry(fmt.Errorf("the path %q, expected one below the working folder", path))
	}
	root, err := os.OpenRoot(w.folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	data, mode := contentOf(v)
	if err := root.MkdirAll(filepath.FromSlash(filepath.Dir(path)), 0o755); err != nil {
		return err
	}
	return root.WriteFile(filepath.FromSlash(path), data, mode)
}
