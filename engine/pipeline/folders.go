package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
)

// lookEvery is how often folders are searched for changes. A file is read once it was the same twice, so that one that is
// still being written is not reported as broken.
const lookEvery = time.Second

// FoldersConfig of Folders. Dirs is required; the zero value of the rest means the defaults.
type FoldersConfig struct {
	Dirs []string
	// Runner executes the tasks; nil if the pipelines are only described.
	Runner *code.Runner
	// Reserved are names that pipelines cannot have, because other workflows have them.
	Reserved []string
	// Log receives what is wrong with files, and what changed; default none.
	Log *slog.Logger
}

// Folders are the pipelines in some folders: every file directly in them that ends in .yaml or .yml and is not hidden. Run
// follows their changes. Of two pipelines of one name, the one whose folder is first in the configuration counts, then the
// one whose file is first in the alphabet. Safe for concurrent use.
type Folders struct {
	cfg   FoldersConfig
	files map[string]*kept // by path; of New, then of Run

	mu        sync.Mutex
	workflows []*engine.Workflow // guarded by mu; never changed, only replaced, as is the next
	broken    []Broken           // guarded by mu
}

// Broken is a file with mistakes.
type Broken struct {
	File     string    `json:"file"` // with the folder as it was configured
	Mistakes []Mistake `json:"mistakes"`
	// Kept is the name of the pipeline that the file was before the mistakes, which is still offered; empty if there is none.
	Kept string `json:"kept"`
}

// kept is a file as it was last read.
type kept struct {
	seen, read version // as last found, and as last read
	pipeline   *Pipeline
	workflow   *engine.Workflow // of pipeline: the last one without mistakes; nil if there was none
	mistakes   []Mistake        // of the file as read
}

// version tells contents of a file apart without reading it. The zero value is that of no file.
type version struct {
	changed int64 // nanoseconds since 1970
	size    int64
	isFound bool
}

// NewFolders reads all files once. Mistakes in files are no errors: see Broken. A folder that cannot be read is one.
func NewFolders(cfg FoldersConfig) (*Folders, error) {
	if len(cfg.Dirs) == 0 {
		return nil, errors.New("pipeline: Dirs is empty, expected at least one folder")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &Folders{cfg: cfg, files: map[string]*kept{}}
	f.cfg.Dirs = nil
	for _, dir := range cfg.Dirs {
		if dir = filepath.Clean(dir); slices.Contains(f.cfg.Dirs, dir) {
			continue
		}
		f.cfg.Dirs = append(f.cfg.Dirs, dir)
		found, err := list(dir)
		if err != nil {
			return nil, err
		}
		for path, v := range found {
			f.files[path] = &kept{}
			f.read(path, v)
		}
	}
	f.publish()
	return f, nil
}

// Workflows lists the pipelines without mistakes, and of files with mistakes the last version without.
func (f *Folders) Workflows() []*engine.Workflow {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.workflows
}

// Broken lists the files with mistakes.
func (f *Folders) Broken() []Broken {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// Run follows changes until ctx ends, which is no error. After each change it calls offer with the result of Workflows. A
// file counts as changed if its size or its time of modification is another, and as gone if it was missing twice; a folder
// that cannot be read for now leaves its files as they were.
func (f *Folders) Run(ctx context.Context, offer func([]*engine.Workflow) error) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if !f.look() {
			continue
		}
		f.publish()
		offered := f.Workflows()
		if err := offer(offered); err != nil {
			f.cfg.Log.Error("the pipelines cannot be offered, those of before remain", "error", err)
			continue
		}
		f.cfg.Log.Info("the pipelines have changed", "pipelines", len(offered))
	}
}

// look reads files that have changed and have been the same since the last call. It reports whether there were any.
func (f *Folders) look() bool {
	isChanged := false
	for _, dir := range f.cfg.Dirs {
		found, err := list(dir)
		if err != nil {
			f.cfg.Log.Warn("a folder of pipelines cannot be read, its files are offered as they were", "error", err)
			continue
		}
		for path := range found {
			if f.files[path] == nil {
				f.files[path] = &kept{}
			}
		}
		for path, k := range f.files {
			if filepath.Dir(path) != dir {
				continue
			}
			now := found[path]
			if now == k.seen && now != k.read {
				f.read(path, now)
				isChanged = true
			}
			k.seen = now
		}
	}
	return isChanged
}

// list returns the files of a folder that may be pipelines.
func list(dir string) (map[string]version, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	found := map[string]version{}
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path) // of what a link points to
		if err == nil && info.Mode().IsRegular() {
			found[path] = version{info.ModTime().UnixNano(), info.Size(), true}
		}
	}
	return found, nil
}

// read reads a file, or forgets it if it is gone.
func (f *Folders) read(path string, v version) {
	if !v.isFound {
		delete(f.files, path)
		return
	}
	k := f.files[path]
	k.seen, k.read, k.mistakes = v, v, nil
	p, err := parseFile(path, v.size)
	var wrong *Error
	switch {
	case err == nil:
		k.pipeline, k.workflow = p, p.Workflow(filepath.Dir(path), f.cfg.Runner)
	case errors.As(err, &wrong):
		k.mistakes = wrong.Mistakes
	default:
		k.mistakes = []Mistake{{Message: err.Error()}}
	}
}

// parseFile parses a file unless it is too large to be read.
func parseFile(path string, size int64) (*Pipeline, error) {
	if size > MaxFile {
		return nil, &Error{path, []Mistake{{1, 1, tooLarge}}}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return Parse(path, text)
}

// publish makes Workflows and Broken return what the files have become, and logs mistakes.
func (f *Folders) publish() {
	var workflows []*engine.Workflow
	broken := []Broken{}
	files := map[string]string{} // by the name of the pipeline
	for _, path := range f.paths() {
		k := f.files[path]
		b := Broken{File: path, Mistakes: k.mistakes}
		if k.workflow != nil {
			name := k.workflow.Name
			if why := f.refused(name, files[name]); why != "" {
				b.Mistakes = append(slices.Clip(b.Mistakes), Mistake{k.pipeline.nameAt.line, k.pipeline.nameAt.column, why})
			} else {
				workflows, files[name], b.Kept = append(workflows, k.workflow), path, name
			}
		}
		if len(b.Mistakes) > 0 {
			broken = append(broken, b)
			f.cfg.Log.Warn("a pipeline has mistakes", "error", (&Error{path, b.Mistakes}).Error(), "offered", b.Kept)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workflows, f.broken = workflows, broken
}

// refused says why a pipeline cannot have a name, which the file other has as well unless it is empty; "" if it can.
func (f *Folders) refused(name, other string) string {
	switch {
	case slices.Contains(f.cfg.Reserved, name):
		return fmt.Sprintf("the pipeline has the name %q, which a workflow of the program has, expected another: name: NAME", name)
	case other != "":
		return fmt.Sprintf("the pipeline has the name %q, which that of %s has, expected another: name: NAME", name, other)
	default:
		return ""
	}
}

// paths lists the files in the order in which they count.
func (f *Folders) paths() []string {
	var out []string
	for _, dir := range f.cfg.Dirs {
		var inDir []string
		for path := range f.files {
			if filepath.Dir(path) == dir {
				inDir = append(inDir, path)
			}
		}
		slices.Sort(inDir)
		out = append(out, inDir...)
	}
	return out
}
