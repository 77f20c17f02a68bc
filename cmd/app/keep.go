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
	targetFlags
}

// Validate is called by kong.
func (c *deleteCommand) Validate() error { return c.check() }

// Run deletes the runs, once all of them are found.
func (c *deleteCommand) Run(ctx context.Context, s *session) error {
	if c.Server != "" {
		remote, err := c.service()
		if err != nil {
			return err
		}
		ids, err := remote.findAll(ctx, c.Runs)
		if err != nil {
			return err
		}
		return s.deleteAll(ids, func(id record.RunID) error { return serviceError(remote.Delete(ctx, id)) })
	}
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		runs, err := findRuns(ctx, store, c.Runs)
		if err != nil {
			return err
		}
		ids := make([]record.RunID, len(runs))
		for i := range runs {
			ids[i] = runs[i].Info.ID
		}
		return s.deleteAll(ids, func(id record.RunID) error { return store.Delete(ctx, id) })
	})
}

// deleteAll deletes runs one by one and reports them. A run that cannot be deleted does not keep the others.
func (s *session) deleteAll(ids []record.RunID, remove func(record.RunID) error) error {
	deleted := []record.RunID{}
	var errs []error
	for _, id := range ids {
		if err := remove(id); err != nil {
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
}

// tagCommand changes the annotation of a run.
type tagCommand struct {
	RunID  string   `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Tags   []string `arg:"" optional:"" name:"tag" help:"Tags to add."`
	Remove []string `sep:"none" placeholder:"TAG" help:"Tag to remove. Can be repeated."`
	Note   *string  `placeholder:"TEXT" help:"Replace the note; an empty text removes it."`
	targetFlags
}

// Validate is called by kong.
func (c *tagCommand) Validate() error { return c.check() }

// annotationJSON is the annotation of a run.
type annotationJSON struct {
	Run  record.RunID `json:"run"`
	Tags []string     `json:"tags"`
	Note string       `json:"note"`
}

// Run changes the annotation if the flags ask for that, and prints it.
func (c *tagCommand) Run(ctx context.Context, s *session) error {
	if c.Server != "" {
		return c.elsewhere(ctx, s)
	}
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		r, err := findRun(ctx, store, c.RunID)
		if err != nil {
			return err
		}
		a, changed := c.annotation(r.Annotation)
		if changed {
			if err := store.Annotate(ctx, r.Info.ID, a); err != nil {
				return err
			}
		}
		return s.printAnnotation(r.Info.ID, a)
	})
}

// elsewhere is Run for a run of a service.
func (c *tagCommand) elsewhere(ctx context.Context, s *session) error {
	remote, err := c.service()
	if err != nil {
		return err
	}
	id, err := remote.find(ctx, c.RunID)
	if err != nil {
		return err
	}
	now, err := remote.Run(ctx, id)
	if err != nil {
		return serviceError(err)
	}
	a, changed := c.annotation(metricsstore.Annotation{Tags: now.Tags, Note: now.Note})
	if changed {
		if _, err := remote.Annotate(ctx, id, a); err != nil {
			return serviceError(err)
		}
	}
	return s.printAnnotation(id, a)
}

// annotation returns the annotation that the flags ask for, and whether it differs from the kept one.
func (c *tagCommand) annotation(kept metricsstore.Annotation) (a metricsstore.Annotation, changed bool) {
	a.Note = kept.Note
	for _, tag := range append(slices.Clone(kept.Tags), c.Tags...) {
		if !slices.Contains(a.Tags, tag) && !slices.Contains(c.Remove, tag) {
			a.Tags = append(a.Tags, tag)
		}
	}
	if c.Note != nil {
		a.Note = *c.Note
	}
	return a, !slices.Equal(a.Tags, kept.Tags) || a.Note != kept.Note
}

func (s *session) printAnnotation(id record.RunID, a metricsstore.Annotation) error {
	if s.flags.JSON {
		return s.printJSON(annotationJSON{id, list(a.Tags), a.Note})
	}
	var f facts
	f.add("run", "%s", id)
	f.add("tags", "%s", orDash(oneLine(strings.Join(a.Tags, ", "), 200)))
	f.add("note", "%s", orDash(oneLine(a.Note, 1000)))
	return f.print(s.stdout)
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
