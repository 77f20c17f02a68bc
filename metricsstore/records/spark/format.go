package spark

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

type format struct{}

// New returns the format.
func New() records.Format { return format{} }

func (format) Name() string { return "spark" }

func (format) Title() string { return "Spark event log" }

// Sniff implements records.Format: the first line of a log, of any of its files, is an event. The empty file that
// comes with a folder of rolled files belongs to it.
func (format) Sniff(name string, head []byte) records.Part {
	if len(head) == 0 && strings.HasPrefix(path.Base(name), "appstatus_") {
		return records.Companion
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	event := string(eventName(line))
	for _, prefix := range listeners {
		if strings.HasPrefix(event, prefix) {
			return records.Main
		}
	}
	return records.Foreign
}

// listeners are how the name of the first event of a file begins: of Spark itself, of its libraries, of Databricks.
var listeners = []string{"SparkListener", "org.apache.spark.", "DBCEventLogging", "com.databricks."}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var all []*records.Run
	var first error
	for _, l := range logs(files) {
		runs, err := l.read(ctx)
		if err != nil && !errors.Is(err, records.ErrFormat) {
			return nil, err
		}
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		all = append(all, runs...)
	}
	switch {
	case len(all) == 0:
		return nil, cmp.Or[error](first, &records.Fault{Path: pathOf(files), Byte: -1, Text: "expected events of Spark"})
	case first != nil:
		all[0].Notes.Remark(record.NoteLeftOut, "a file of the same drop was not read: %v", first)
	}
	return all, nil
}

func pathOf(files []records.File) string {
	if len(files) == 0 {
		return ""
	}
	return files[0].Path
}

// read reads all files of a log into a run for each application in it, as a rule one.
func (l *eventLog) read(ctx context.Context) ([]*records.Run, error) {
	r := reader{app: newApplication()}
	for i := range l.files {
		if err := r.read(ctx, &l.files[i]); err != nil {
			return nil, err
		}
	}
	var runs []*records.Run
	for i, app := range append(r.done, r.app) {
		if app.empty() {
			continue
		}
		run, err := app.build()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.files[0].Path, err)
		}
		run.Path, run.Files = l.files[0].Path, l.paths()
		if i == len(r.done) {
			l.finish(&r, app)
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return nil, r.nothing(l.files[0].Path)
	}
	return runs, nil
}

// nothing says why a log has no run.
func (r *reader) nothing(path string) error {
	if r.fault != nil {
		return r.fault
	}
	text := "expected the start of an application, its stages or its tasks"
	if r.cutOff != "" {
		text += ": " + r.cutOff
	}
	return &records.Fault{Path: path, Byte: -1, Text: text}
}

// finish says of the last run of a log what is not there.
func (l *eventLog) finish(r *reader, app *application) {
	run := app.run
	if r.faults > 0 {
		run.Notes.LeftOut(r.faults, "lines are no events")
		app.lacks = append(app.lacks, fmt.Sprintf("line %d of %s is no event", r.fault.Line, path.Base(r.fault.Path)))
	}
	if r.cutOff != "" {
		app.lacks = append(app.lacks, r.cutOff)
	}
	if l.broken != "" {
		app.lacks = append(app.lacks, l.broken)
	}
	if l.compact {
		app.lacks = append(app.lacks, "Spark compacted the log, which removes jobs that had ended")
	}
	if !app.ended {
		app.lacks = append(app.lacks, "the log has no end of the application")
		if l.running {
			run.Status = record.Running
		}
	}
	run.Incomplete = strings.Join(app.lacks, "; ")
}
