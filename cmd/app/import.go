package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/metricsstore/importer"
)

// importCommand imports runs from files.
type importCommand struct {
	Files   []string `arg:"" optional:"" name:"file" help:"Archives as written by the command export, records of other tools, tar and zip files, folders of them; - for standard input."`
	Formats bool     `help:"List the formats of records instead of importing."`
	Map     string   `placeholder:"FIELD=COLUMN,…" help:"What the columns of a table mean, such as start=begin_ts,end=end_ts,name=job,after=needs; the files are then read as tables."`
	Snippet string   `placeholder:"FORMAT" help:"Print the lines that a program of this format's tool needs to record more, such as dependencies; for dask."`
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
	File     string        `json:"file"`
	Format   string        `json:"format"` // archive, or a format of records; empty if it is none
	Status   string        `json:"status"`
	Run      record.RunID  `json:"run,omitempty"`
	Workflow string        `json:"workflow,omitempty"`
	Tasks    int64         `json:"tasks"`
	Steps    uint64        `json:"steps"`
	Notes    []record.Note `json:"notes,omitempty"`
	// Incomplete says why the record does not cover the whole run.
	Incomplete string `json:"incomplete,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Run imports what it can, and reports every file that it could not import.
func (c *importCommand) Run(ctx context.Context, s *session) error {
	switch {
	case c.Formats:
		return c.list(s)
	case c.Snippet != "":
		program, ok := importer.Snippet(c.Snippet)
		if !ok {
			return usage("there is no snippet for %q, expected dask", c.Snippet)
		}
		_, err := io.WriteString(s.stdout, program)
		return err
	case len(c.Files) == 0:
		return usage("expected a file to import, or --formats")
	case c.Watch && slices.Contains(c.Files, "-"):
		return usage("--watch is given with -, expected files or folders, which can be read again")
	}
	return s.withNewStore(ctx, c.storeFlags, embedded.Group, func(store metricsstore.Store) error {
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

// importAll imports all files once. The error is that of the files that were not imported.
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
	results, err := with.Import(ctx, &drop)
	for i := range results {
		one := newImportJSON(&results[i])
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
	out.Workflow, out.Tasks, out.Steps = r.Run.Info.Workflow, r.Run.Counts.Tasks, r.Run.Steps
	if origin := r.Run.Info.Origin; origin != nil {
		out.Notes, out.Incomplete = origin.Notes, origin.Incomplete
	}
	return out
}

// text says what became of a file, and below it what the record says about itself.
func (i *importJSON) text() string {
	var b strings.Builder
	if i.Error != "" {
		return "" // it is among the errors
	}
	fmt.Fprintf(&b, "%s  %s with %s ", i.Run, oneLine(i.Workflow, 60), plural(i.Tasks, "task"))
	switch importer.Outcome(i.Status) {
	case importer.Imported:
		b.WriteString("is imported\n")
	case importer.Completed:
		b.WriteString("existed already and has been completed\n")
	case importer.Replaced:
		b.WriteString("existed already, from a shorter record, and has been replaced\n")
	default:
		b.WriteString("existed already; nothing has changed\n")
		return b.String()
	}
	if i.Incomplete != "" {
		fmt.Fprintf(&b, "  incomplete: %s\n", oneLine(i.Incomplete, 400))
	}
	for _, n := range i.Notes {
		fmt.Fprintf(&b, "  %s: %s\n", n.Kind, n.Sentence())
	}
	return b.String()
}
