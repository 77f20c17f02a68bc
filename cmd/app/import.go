package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// importCommand imports runs from files.
type importCommand struct {
	Files   []string `arg:"" optional:"" name:"file" help:"Archives as written by the command export, records of other tools, tar and zip files, folders of them; - for standard input."`
	Formats bool     `help:"List the formats of records instead of importing."`
	Map     string   `placeholder:"FIELD=COLUMN,…" help:"What the columns of a table mean, such as start=begin_ts,end=end_ts,name=job,after=needs; the files are then read as tables."`
	Snippet string   `placeholder:"FORMAT" help:"Print the lines that a program of this format's tool needs to record more, such as dependencies; for dask or snakemake."`
	DryRun  bool     `help:"Read the files and print what importing them would do, with the notes of each run, and keep nothing."`
	Watch   bool     `help:"Import again whenever a file has changed, until interrupted: a longer record replaces the run."`
	storeFlags
}

// Help is printed below the flags.
func (importCommand) Help() string {
	return "The format of a file is recognised by its content; --formats lists those that are known. Files that belong together, such as " +
		"results and a manifest, are given together. A run that exists already is completed with what it lacks, a longer record of a " +
		"run replaces a shorter one, and importing a file twice changes nothing."
}

// importFailed is the status of a file that was not imported; the others are those of the importer.
const importFailed = "failed"

// importJSON is the result for one run, or for a file from which none was read.
type importJSON struct {
	File     string       `json:"file"`
	Format   string       `json:"format"` // archive, or a format of records; empty if it is none
	Status   string       `json:"status"`
	Run      record.RunID `json:"run,omitempty"`
	Workflow string       `json:"workflow,omitempty"`
	Engine   string       `json:"engine,omitempty"` // unknown if the record does not say
	// StartedAt is absent if the record has no date.
	StartedAt  *time.Time    `json:"started_at,omitempty"`
	MakespanNS int64         `json:"makespan_ns"`
	Tasks      int64         `json:"tasks"`
	Steps      uint64        `json:"steps"`
	Notes      []record.Note `json:"notes,omitempty"`
	// Incomplete says why the record does not cover the whole run.
	Incomplete string `json:"incomplete,omitempty"`
	Error      string `json:"error,omitempty"`

	isDryRun bool // it says what would be done
}

// Run imports what it can, and reports every file that it could not import.
func (c *importCommand) Run(ctx context.Context, s *session) error {
	switch {
	case c.Formats:
		return c.list(s)
	case c.Snippet != "":
		program, ok := importer.Snippet(c.Snippet)
		if !ok {
			return usage("there is no snippet for %q, expected dask or snakemake", c.Snippet)
		}
		_, err := io.WriteString(s.stdout, program)
		return err
	case len(c.Files) == 0:
		return usage("expected a file to import, or --formats")
	case c.Watch && slices.Contains(c.Files, "-"):
		return usage("--watch is given with -, expected files or folders, which can be read again")
	case c.Watch && c.DryRun:
		return usage("--watch is given with --dry-run, expected one of them")
	}
	collectEarly()
	return c.withTarget(ctx, s, func(store metricsstore.Store) error {
		with, err := importer.New(importer.Config{Store: store})
		if err != nil {
			return err
		}
		if c.Watch {
			return c.watch(ctx, s, store, with)
		}
		done, err := c.importAll(ctx, s.stdin, with)
		if s.flags.JSON {
			return errors.Join(err, s.printJSON(map[string]any{"files": list(done)}))
		}
		for i := range done {
			fmt.Fprint(s.stdout, done[i].text())
		}
		return err
	})
}

// withTarget calls f with the store to import into. A dry run creates no folder: without one, nothing is kept already.
func (c *importCommand) withTarget(ctx context.Context, s *session, f func(metricsstore.Store) error) error {
	if c.DryRun && !c.inRedis() {
		if _, err := os.Stat(s.flags.Data); errors.Is(err, fs.ErrNotExist) {
			return f(memory.New())
		}
	}
	return s.withNewStore(ctx, c.storeFlags, embedded.Group, f)
}

// collectEarly lets garbage grow to a quarter of what is in use, unless GOGC says how much: almost all that a process
// that imports holds is one run, and as much again would be in memory while that is kept.
func collectEarly() {
	const usual, early = 100, 25
	if set := debug.SetGCPercent(early); set != usual {
		debug.SetGCPercent(set)
	}
}

// importAll imports all files once, or in a dry run says what that would do. The error is that of the files that were not imported.
func (c *importCommand) importAll(ctx context.Context, stdin io.Reader, with *importer.Importer) (done []importJSON, err error) {
	var drop importer.Drop
	defer func() { _ = drop.Close() }() // temporary files
	if c.Map != "" {
		if drop.Formats, err = importer.Mapped(c.Map); err != nil {
			return nil, errorOfFile(err)
		}
	}
	var errs []error
	for _, name := range c.Files {
		if err := addToDrop(&drop, stdin, name); err != nil {
			done = append(done, importJSON{File: name, Status: importFailed, Error: err.Error()})
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	read := with.Import
	if c.DryRun {
		read = with.Preview
	}
	results, err := read(ctx, &drop)
	for i := range results {
		one := newImportJSON(&results[i])
		one.isDryRun = c.DryRun
		done = append(done, one)
		if one.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %w", one.File, errorOfFile(results[i].Err)))
		}
	}
	return done, errors.Join(append(errs, err)...)
}

// list prints the formats of records.
func (c *importCommand) list(s *session) error {
	type formatJSON struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	}
	var out []formatJSON
	for _, f := range importer.Formats() {
		out = append(out, formatJSON{f.Name(), f.Title()})
	}
	if s.flags.JSON {
		return s.printJSON(map[string]any{"formats": out})
	}
	for _, f := range out {
		fmt.Fprintf(s.stdout, "%-16s %s\n", f.Name, f.Title)
	}
	return nil
}

// addToDrop adds a file, a folder, or with - standard input.
func addToDrop(drop *importer.Drop, stdin io.Reader, name string) error {
	if name == "-" {
		return errorOfFile(drop.AddStream("-", stdin))
	}
	err := drop.AddPath(name)
	if path := new(fs.PathError); errors.As(err, &path) {
		return usage("expected a file that can be read: %w", err)
	}
	return errorOfFile(err)
}

// errorOfFile makes an error of a file one of usage.
func errorOfFile(err error) error {
	if errors.Is(err, importer.ErrFile) || errors.Is(err, importer.ErrTooLarge) {
		return usageError{err}
	}
	return err
}

func newImportJSON(r *importer.Result) importJSON {
	out := importJSON{File: r.Path, Format: r.Format, Status: string(r.Outcome), Run: r.Run.Info.ID}
	if r.Err != nil {
		out.Status, out.Error = importFailed, r.Err.Error()
		return out
	}
	info := &r.Run.Info
	out.Workflow, out.Engine, out.MakespanNS, out.Tasks, out.Steps = info.Workflow, info.Engine(), r.Run.MakespanNS(), r.Run.Counts.Tasks, r.Run.Steps
	started, origin := info.StartedAt.UTC(), info.Origin
	if origin != nil {
		out.Notes, out.Incomplete = origin.Notes, origin.Incomplete
	}
	if origin == nil || !origin.Undated {
		out.StartedAt = &started
	}
	return out
}

// text says what became of a file, and below it what the record says about itself.
func (i *importJSON) text() string {
	var b strings.Builder
	if i.Error != "" {
		return "" // it is among the errors
	}
	fmt.Fprintf(&b, "%s  %s with %s %s\n", i.Run, oneLine(i.Workflow, 60), plural(i.Tasks, "task"), i.done())
	if importer.Outcome(i.Status) == importer.Unchanged && !i.isDryRun {
		return b.String()
	}
	if i.isDryRun {
		fmt.Fprintf(&b, "  engine %s, ", oneLine(i.Engine, 60))
		if i.StartedAt != nil {
			fmt.Fprintf(&b, "started %s, ", moment(*i.StartedAt))
		}
		fmt.Fprintf(&b, "took %s\n", duration(time.Duration(i.MakespanNS)))
	}
	if i.Incomplete != "" {
		fmt.Fprintf(&b, "  incomplete: %s\n", oneLine(i.Incomplete, 400))
	}
	for _, n := range i.Notes {
		fmt.Fprintf(&b, "  %s: %s\n", n.Kind, n.Sentence())
	}
	return b.String()
}

// done says what became of the run, or would become of it.
func (i *importJSON) done() string {
	texts := map[importer.Outcome][2]string{
		importer.Imported:  {"is imported", "would be imported"},
		importer.Completed: {"existed already and has been completed", "exists already and would be completed"},
		importer.Replaced:  {"existed already, from a shorter record, and has been replaced", "exists already, from a shorter record, and would be replaced"},
		importer.Unchanged: {"existed already; nothing has changed", "exists already; nothing would change"},
	}[importer.Outcome(i.Status)]
	if i.isDryRun {
		return texts[1]
	}
	return texts[0]
}
