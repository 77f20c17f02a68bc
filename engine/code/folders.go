package code

import (
	"sync"

	"github.com/dagscope/dagscope/engine/process"
)

// workFolders are the working folders of commands, opened when one first needs them.
type workFolders struct {
	dir string

	mu   sync.Mutex
	kept *process.Folders // nil until it was opened; guarded by mu
}

// open opens them, again if that failed before.
func (f *workFolders) open() (*process.Folders, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept != nil {
		return f.kept, nil
	}
	var err error
	f.kept, err = process.OpenFolders(f.dir)
	return f.kept, err
}
