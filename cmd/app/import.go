package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// maxArchive bounds an archive file that is imported, in bytes.
const maxArchive = 1 << 30

// importCommand takes in runs from files.
type importCommand struct {
	Files []string `arg:"" name:"file" help:"Archives as the command export writes them, or recordings in WfFormat 1.4, 1.5 or 1.6, compressed by gzip or not; - for standard input."`
	storeFlags
}

// Help tells what happens to runs that are there already.
func (importCommand) Help() string {
	return "What a file holds is found out from its content. A run that is there already gets what it has not got; importing " +
		"a file twice changes nothing. Recordings in WfFormat keep their recorded makespan and, where all tasks have them, their " +
		"start times; otherwise the schedule is reconstructed and labelled so."
}

// Ways in which an import can end.
const (
	importAdded     = "imported"
	importCompleted = "completed" // the run was there and lacked something
	importUnchanged = "unchanged"
	importFailed    = "failed"
)

// importJSON tells what became of one file.
type importJSON struct {
	File     string       `json:"file"`
	Format   string       `json:"format"` // archive or wfformat; empty where it is neither
	Status   string       `json:"status"`
	Run      engine.RunID `json:"run,omitempty"`
	Workflow string       `json:"workflow,omitempty"`
	Tasks    int64        `json:"tasks"`
	Steps    uint64       `json:"steps"`
	Error    string       `json:"error,omitempty"`
}

// Run imports one file after the other; one that cannot be imported does not keep the rest out.
func (c *importCommand) Run(ctx context.Context, s *session) error {
	var done []importJSON
	err := s.withNewStore(ctx, c.storeFlags, embedded.Group, func(store metricsstore.Store) error {
		var errs []error
		for _, name := range c.Files {
			if ctx.Err() != nil {
				return errors.Join(append(errs, ctx.Err())...)
			}
			i, err := s.importFile(ctx, store, name)
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
	switch i.Status {
	case importAdded:
		return run + " is imported"
	case importCompleted:
		return run + " was here already and has been completed"
	default:
		return run + " was here already; nothing has changed"
	}
}

// importFile finds out what a file holds and imports it.
func (s *session) importFile(ctx context.Context, store metricsstore.Store, name string) (importJSON, error) {
	i := importJSON{File: name}
	var in io.Reader = s.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return i, usage("expected a file that can be read: %w", err)
		}
		defer f.Close()
		in = f
	}
	r := bufio.NewReader(in)
	first, err := firstByte(r)
	if err != nil {
		return i, err
	}
	take := importArchive
	if i.Format = "archive"; first == '{' {
		i.Format, take = "wfformat", importRecording
	}
	id, before, err := take(ctx, store, r)
	if err != nil {
		return i, err
	}
	after, err := store.Run(ctx, id)
	if err != nil {
		return i, err
	}
	i.Run, i.Workflow, i.Tasks, i.Steps = id, after.Info.Workflow, after.Counts.Tasks, after.Steps
	switch {
	case before == nil:
		i.Status = importAdded
	case before.Steps != after.Steps || before.Details != after.Details || before.Rollup != after.Rollup:
		i.Status = importCompleted
	default:
		i.Status = importUnchanged
	}
	return i, nil
}

// firstByte finds the first byte that is not white space and leaves it to be read.
func firstByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, usage("it is empty, expected an archive or a recording in WfFormat")
		case err != nil:
			return 0, usage("expected a file that can be read: %w", err)
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		default:
			return b, r.UnreadByte()
		}
	}
}

// importArchive imports what the command export has written. before is the run as it was, nil where it was not there.
func importArchive(ctx context.Context, store metricsstore.Store, r io.Reader) (id engine.RunID, before *metricsstore.Run, err error) {
	p, err := metricsstore.ReadArchive(r, maxArchive)
	if err != nil {
		return "", nil, usage("expected an archive or a recording in WfFormat: %w", err)
	}
	id = p.Run.Info.ID
	if before, err = runOrNil(ctx, store, id); err != nil {
		return id, nil, err
	}
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
	if err != nil {
		return id, nil, err
	}
	_, err = a.Import(ctx, p)
	if errors.Is(err, metricsstore.ErrCorrupt) {
		err = usageError{err}
	}
	return id, before, err
}

// importRecording imports a recording as a run whose schedule is reconstructed.
func importRecording(ctx context.Context, store metricsstore.Store, r io.Reader) (id engine.RunID, before *metricsstore.Run, err error) {
	in, err := wfformat.Parse(r)
	if err != nil {
		return "", nil, usageError{err}
	}
	recording, err := wfformat.Record(in)
	if err != nil {
		return "", nil, usageError{err}
	}
	id = recording.Info.ID
	before, err = runOrNil(ctx, store, id)
	if err != nil || before != nil && before.Status.Final() {
		return id, before, err
	}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{
		Store: store, Timeout: time.Minute, Upload: metricsstore.Strategy{Kind: metricsstore.Shutdown},
	})
	if err != nil {
		return id, before, err
	}
	return id, before, recording.Replay(recorder)
}

// runOrNil is nil where there is no such run.
func runOrNil(ctx context.Context, store metricsstore.Store, id engine.RunID) (*metricsstore.Run, error) {
	r, err := store.Run(ctx, id)
	if errors.Is(err, metricsstore.ErrNotFound) {
		return nil, nil
	}
	return &r, err
}
