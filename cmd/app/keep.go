package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// deleteCommand deletes runs.
type deleteCommand struct {
	Runs []string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	storeFlags
}

// Run deletes the runs, once all of them are found.
func (c *deleteCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		runs, err := findRuns(ctx, store, c.Runs)
		if err != nil {
			return err
		}
		deleted := []record.RunID{}
		var errs []error
		for i := range runs {
			id := runs[i].Info.ID
			if err := store.Delete(ctx, id); err != nil {
				errs = append(errs, fmt.Errorf("run %s is not deleted: %w", id, err))
				continue
			}
			deleted = append(deleted, id)
			if !s.flags.JSON {
				fmt.Fprintf(s.stdout, "%s is deleted\n", id)
			}
		}
		if s.flags.JSON {
			errs = append(errs, s.printJSON(map[string]any{"deleted": deleted}))
		}
		return errors.Join(errs...)
	})
}

// tagCommand changes the annotation of a run.
type tagCommand struct {
	RunID  string   `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Tags   []string `arg:"" optional:"" name:"tag" help:"Tags to add."`
	Remove []string `sep:"none" placeholder:"TAG" help:"Tag to remove. Can be repeated."`
	Note   *string  `placeholder:"TEXT" help:"Replace the note; an empty text removes it."`
	storeFlags
}

// annotationJSON is the annotation of a run.
type annotationJSON struct {
	Run  record.RunID `json:"run"`
	Tags []string     `json:"tags"`
	Note string       `json:"note"`
}

// Run changes the annotation if the flags ask for that, and prints it.
func (c *tagCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		r, err := findRun(ctx, store, c.RunID)
		if err != nil {
			return err
		}
		a := metricsstore.Annotation{Note: r.Annotation.Note}
		for _, tag := range append(slices.Clone(r.Annotation.Tags), c.Tags...) {
			if !slices.Contains(a.Tags, tag) && !slices.Contains(c.Remove, tag) {
				a.Tags = append(a.Tags, tag)
			}
		}
		if c.Note != nil {
			a.Note = *c.Note
		}
		if !slices.Equal(a.Tags, r.Annotation.Tags) || a.Note != r.Annotation.Note {
			if err := store.Annotate(ctx, r.Info.ID, a); err != nil {
				return err
			}
		}
		if s.flags.JSON {
			return s.printJSON(annotationJSON{r.Info.ID, list(a.Tags), a.Note})
		}
		var f facts
		f.add("run", "%s", r.Info.ID)
		f.add("tags", "%s", orDash(oneLine(strings.Join(a.Tags, ", "), 200)))
		f.add("note", "%s", orDash(oneLine(a.Note, 1000)))
		return f.print(s.stdout)
	})
}

// compactCommand returns the space of deleted runs to the file system.
type compactCommand struct{ storeFlags }

// Run compacts the store and reports how its size changed.
func (c *compactCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		before := folderSize(s.flags.Data)
		if err := store.Compact(ctx); err != nil {
			return err
		}
		after := folderSize(s.flags.Data)
		if s.flags.JSON {
			found := map[string]any{"data": s.where}
			if !c.inRedis() {
				found["before_bytes"], found["after_bytes"] = before, after
			}
			return s.printJSON(found)
		}
		if c.inRedis() {
			_, err := fmt.Fprintf(s.stdout, "%s is compacted\n", s.where)
			return err
		}
		_, err := fmt.Fprintf(s.stdout, "%s took %s and takes %s now\n", s.where, size(before), size(after))
		return err
	})
}

// folderSize adds up the sizes of the files in a folder; unreadable ones count as empty.
func folderSize(dir string) int64 {
	total := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
