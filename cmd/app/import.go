package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/metricsstore/importer"
)

// importCommand imports runs from files.
type importCommand struct {
	Files []string `arg:"" name:"file" help:"Archives as written by the command export, or recordings in WfFormat 1.4, 1.5 or 1.6, optionally compressed with gzip; - for standard input."`
	storeFlags
}

// Help is printed below the flags.
func (importCommand) Help() string {
	return "The format of a file is recognised by its content. A run that exists already is completed with what it lacks; importing " +
		"a file twice changes nothing. Recordings in WfFormat keep their recorded makespan and, if all tasks have them, their " +
		"start times; otherwise the schedule is reconstructed and labelled so."
}

// importFailed is the status of a file that was not imported; the others are those of the importer.
const importFailed = "failed"

// importJSON is the result for one file.
type importJSON struct {
	File     string       `json:"file"`
	Format   string       `json:"format"` // archive or wfformat; empty if it is neither
	Status   string       `json:"status"`
	Run      record.RunID `json:"run,omitempty"`
	Workflow string       `json:"workflow,omitempty"`
	Tasks    int64        `json:"tasks"`
	Steps    uint64       `json:"steps"`
	Error    string       `json:"error,omitempty"`
}

// Run imports one file after the other; it continues after a file that cannot be imported.
func (c *importCommand) Run(ctx context.Context, s *session) error {
	var done []importJSON
	err := s.withNewStore(ctx, c.storeFlags, embedded.Group, func(store metricsstore.Store) error {
		with, err := importer.New(importer.Config{Store: store})
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range c.Files {
			if ctx.Err() != nil {
				return errors.Join(append(errs, ctx.Err())...)
			}
			i, err := importFile(ctx, s.stdin, with, name)
			if err != nil {
				i.Status, i.Error = importFailed, err.Error()
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
			done = append(done, i)
			if err == nil && !s.flags.JSON {
				fmt.Fprintln(s.stdout, i.text())
			}
		}
		return errors.Join(errs...)
	})
	if s.flags.JSON {
		err = errors.Join(err, s.printJSON(map[string]any{"files": list(done)}))
	}
	return err
}

func (i *importJSON) text() string {
	run := fmt.Sprintf("%s  %s with %s and %s", i.Run, oneLine(i.Workflow, 60), plural(i.Tasks, "task"), plural(int64(i.Steps), "step"))
	switch importer.Outcome(i.Status) {
	case importer.Imported:
		return run + " is imported"
	case importer.Completed:
		return run + " existed already and has been completed"
	default:
		return run + " existed already; nothing has changed"
	}
}

// importFile imports one file.
func importFile(ctx context.Context, stdin io.Reader, with *importer.Importer, name string) (importJSON, error) {
	i := importJSON{File: name}
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return i, usage("expected a file that can be read: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return i, usage("expected a file that can be read: %s is a folder", name)
		}
		in = f
	}
	result, err := with.Import(ctx, in)
	i.Format = string(result.Format)
	if errors.Is(err, importer.ErrFile) || errors.Is(err, importer.ErrTooLarge) {
		err = usageError{err}
	}
	if err != nil {
		return i, err
	}
	run := &result.Run
	i.Status, i.Run, i.Workflow, i.Tasks, i.Steps = string(result.Outcome), run.Info.ID, run.Info.Workflow, run.Counts.Tasks, run.Steps
	return i, nil
}
