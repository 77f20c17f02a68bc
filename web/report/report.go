// Package report writes a run as one HTML file that needs neither service nor network: the page of the dashboard with
// everything that it shows of the run, and the run's archive, so that the file can be imported again.
//
// What the page asks a service for is answered from the file: package report asks the API itself and keeps the answers,
// and the frames of the run's table are those of a live stream, so nothing is computed in a second way. FORMAT.md has the
// layout of the file. The policy in it forbids every request. Without script it is a page with a chart and a table.
//
// A report takes some 230 KiB for the dashboard and some 30 bytes for each task of an own run; of imported ones, whose
// archives have names and logs of tasks, up to 400. Writing one reads the log three times and keeps all of the file in
// memory.
//
// Caveats: details of tasks (errors, logs, inputs) are shown of tasks that did not end well, of at most 50 of them; the
// archive in the file has all. Everything that was recorded is in the file, parameters and logs of tasks too: whoever gets
// it can read them. Of other runs it has what the page compares with: makespans and quantiles.
package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/templates"
)

// Errors of Write.
var (
	// ErrNoDashboard: the program was built without the dashboard, of which a report is made.
	ErrNoDashboard = errors.New("report: this build has no dashboard, of which reports are made; expected one by make static && make build")
	// ErrLive: the run has not ended.
	ErrLive = errors.New("report: the run has not ended, expected one that has")
)

// Config is what reports are made from. All but Version is required.
type Config struct {
	Store metricsstore.Store
	// API answers GET requests below Base, such as /api/v1, as api.API does.
	API  http.Handler
	Base string
	// Dashboard is the built dashboard, as static.FS returns it.
	Dashboard fs.FS
	// Version of the program; empty if unknown.
	Version string
}

// Write writes the report of a run that has ended; nothing is written before all of it is known. The error is ErrLive,
// ErrNoDashboard, or metricsstore.ErrNotFound.
func Write(ctx context.Context, w io.Writer, cfg Config, run record.RunID) error {
	script, styles, err := static.Report(cfg.Dashboard)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoDashboard
	}
	if err != nil {
		return err
	}
	kept, err := cfg.Store.Run(ctx, run)
	if err != nil {
		return err
	}
	if !kept.Status.Final() {
		return ErrLive
	}
	queries, err := metricsstore.NewQueries(cfg.Store)
	if err != nil {
		return err
	}
	table, frames, err := framesOf(ctx, queries, run)
	if err != nil {
		return err
	}
	asked, err := ask(ctx, cfg, run, table)
	if err != nil {
		return err
	}
	pack, err := asked.pack(cfg.Version, frames)
	if err != nil {
		return err
	}
	data, err := still(ctx, queries, asked, table)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := metricsstore.WriteArchive(ctx, &archive, cfg.Store, run); err != nil {
		return err
	}
	data.Version, data.Script, data.Styles, data.Pack, data.Archive = cfg.Version, script, styles, pack, archive.Bytes()
	data.Magic, data.ArchiveLine = metricsstore.ReportMagic, metricsstore.ReportArchive
	if err := templates.Report(w, data); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
