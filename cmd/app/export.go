package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
)

// exportCommand writes a run to a file.
type exportCommand struct {
	RunID  string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	Format string `default:"archive" enum:"archive,chrome,csv,html,ndjson,wfformat,wfformat-1.5,otlp,parquet" placeholder:"FORMAT" help:"archive: everything, to be imported again (default). chrome: for Perfetto and chrome://tracing. csv: a line for each attempt. html: the run's page as one file, without network; can be imported. ndjson: a JSON object for each event. wfformat: WfFormat 1.6 of WfCommons; wfformat-1.5: its older version. otlp: a trace in OTLP JSON. parquet: a row for each attempt."`
	Output string `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output (default)."`
	targetFlags
}

// Validate is called by kong.
func (c *exportCommand) Validate() error { return c.check() }

// exportJSON describes the file that was written.
type exportJSON struct {
	Run    record.RunID `json:"run"`
	Format string       `json:"format"`
	File   string       `json:"file"`
	Bytes  int64        `json:"bytes"`
}

// Run writes the file completely or not at all. It prints what it has done unless the run itself goes to standard output.
func (c *exportCommand) Run(ctx context.Context, s *session) error {
	if c.Output == "-" && s.flags.JSON {
		return usage("--json describes a file that was written, expected --output FILE")
	}
	if c.Output == "-" && (c.Format == "archive" || c.Format == "parquet") && s.outTerminal {
		return usage("an archive or Parquet is not for a terminal, expected --output FILE or a pipe")
	}
	return s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
		write := func(w io.Writer) error { return exportRun(ctx, w, store, r.Info.ID, c.Format) }
		if c.Output == "-" {
			return buffered(s.stdout, write)
		}
		n, err := writeFile(c.Output, write)
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(exportJSON{r.Info.ID, c.Format, c.Output, n})
		}
		_, err = fmt.Fprintf(s.stdout, "%s is in %s as %s, %s\n", r.Info.ID, c.Output, c.Format, size(n))
		return err
	})
}

// exportRun writes a run in a format.
func exportRun(ctx context.Context, w io.Writer, store metricsstore.Store, id record.RunID, format string) error {
	queries, err := metricsstore.NewQueries(store)
	if err != nil {
		return err
	}
	switch format {
	case "chrome":
		return export.WriteChromeTrace(ctx, w, queries, id)
	case "csv":
		return export.WriteCSV(ctx, w, queries, id)
	case "html":
		return writeReport(ctx, w, store, id)
	case "wfformat":
		return export.WriteWfFormat(ctx, w, queries, id)
	case "wfformat-1.5":
		return export.WriteWfFormat15(ctx, w, queries, id)
	case "otlp":
		return export.WriteOTLP(ctx, w, queries, id)
	case "parquet":
		return export.WriteParquet(ctx, w, queries, id)
	case "ndjson":
		return export.WriteEvents(ctx, w, queries, id)
	default:
		return metricsstore.WriteArchive(ctx, w, store, id)
	}
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<16)
	return errors.Join(write(b), b.Flush())
}

// writeFile writes a temporary file and renames it once it is complete. It returns its size.
func writeFile(path string, write func(io.Writer) error) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, usage("expected a file that can be written: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = buffered(f, write)
	if info, statErr := f.Stat(); statErr == nil {
		n = info.Size()
	}
	// CreateTemp makes files private to the user, which an export need not be.
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return n, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return n, usage("expected a file that can be written: %w", err)
	}
	return n, nil
}
