package app

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
)

// findGraphviz finds dagscope-graphviz: in the folder of this program, or on the PATH; empty if there is none.
func findGraphviz() string {
	const name = "dagscope-graphviz"
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		path := filepath.Join(filepath.Dir(self), name+filepath.Ext(self))
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return onPath(name)
}

// onPath finds a program on the PATH; empty if there is none.
func onPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// graphvizCache is a private folder in which Graphviz keeps its compiled form; empty if it cannot be created.
func graphvizCache(log *slog.Logger) string {
	caches, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(caches, "dagscope", "graphviz")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("drawings take a second longer, because the cache folder of Graphviz cannot be created", "error", err)
		return ""
	}
	return dir
}
