package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
)

// watchEvery is how often import --watch looks at its files.
const watchEvery = 500 * time.Millisecond

// watch imports the files again whenever one of them has changed, until ctx ends. Errors of files are printed, as a
// file that is being written may be complete the next time.
func (c *importCommand) watch(ctx context.Context, s *session, store metricsstore.Store, with *importer.Importer) error {
	var last string
	own := map[string]map[record.RunID]bool{} // by file, the runs that this command has added
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	for {
		if now := c.fingerprint(); now != last {
			last = now
			done, err := c.importAll(ctx, nil, with)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				fmt.Fprintf(s.stderr, "%s: %v\n", s.name, err)
			}
			if err := c.report(ctx, s, store, own, done); err != nil && ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// fingerprint changes when a file is added or written to.
func (c *importCommand) fingerprint() string {
	var all []byte
	for _, name := range c.Files {
		_ = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error { // what is unreadable is reported by the import
			if err != nil || entry.IsDir() {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				all = fmt.Appendf(all, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return string(all)
}

// report prints what is new. The runs of a format that cannot tell that two records are of one run have another ID
// whenever the file grows; those that this command added before are deleted then.
func (c *importCommand) report(ctx context.Context, s *session, store metricsstore.Store, own map[string]map[record.RunID]bool, done []importJSON) error {
	seen := map[string]map[record.RunID]bool{}
	for i := range done {
		one := &done[i]
		if one.Error != "" {
			continue
		}
		if seen[one.File] == nil {
			seen[one.File] = map[record.RunID]bool{}
		}
		isNew := importer.Outcome(one.Status) == importer.Imported
		seen[one.File][one.Run] = isNew || own[one.File][one.Run]
		switch {
		case importer.Outcome(one.Status) == importer.Unchanged:
		case s.flags.JSON:
			if err := s.printJSON(one); err != nil {
				return err
			}
		default:
			fmt.Fprint(s.stdout, one.text())
		}
	}
	for file, runs := range seen {
		for run, isOwn := range own[file] {
			if _, still := runs[run]; isOwn && !still {
				if err := store.Delete(ctx, run); err != nil && !errors.Is(err, metricsstore.ErrNotFound) {
					return err
				}
			}
		}
		own[file] = runs
	}
	return nil
}
