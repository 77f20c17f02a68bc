package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
)

// exports are the formats in which runs can be exported.
var exports = map[string]struct {
	mediaType, ending string
	write             func(context.Context, io.Writer, *metricsstore.Queries, record.RunID) error
}{
	"csv":          {"text/csv; charset=utf-8", "csv", export.WriteCSV},
	"records":      {"application/x-ndjson", "records.ndjson", export.WriteRecords},
	"events":       {"application/x-ndjson", "events.ndjson", export.WriteEvents},
	"chrome":       {"application/json", "trace.json", export.WriteChromeTrace},
	"wfformat":     {"application/json", "wfformat.json", export.WriteWfFormat},
	"wfformat-1.5": {"application/json", "wfformat-1.5.json", export.WriteWfFormat15},
	"otlp":         {"application/json", "otlp.json", export.WriteOTLP},
	"parquet":      {"application/vnd.apache.parquet", "parquet", export.WriteParquet},
}

// fileHandlers export runs.
type fileHandlers struct {
	*records
}

func (h *fileHandlers) getArchive(ctx context.Context, in *runInput) (*huma.StreamResponse, error) {
	return h.file(ctx, in, archiveType, "dagscope", func(ctx context.Context, w io.Writer) error {
		return metricsstore.WriteArchive(ctx, w, h.cfg.Store, in.id())
	})
}

func (h *fileHandlers) exportRun(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if in.Format == "html" {
		return h.exportReport(ctx, in)
	}
	e := exports[in.Format]
	return h.file(ctx, &runInput{in.OfRun, in.Conditional}, e.mediaType, e.ending, func(ctx context.Context, w io.Writer) error {
		return e.write(ctx, w, h.queries, in.id())
	})
}

// reportType is the media type of reports.
const reportType = "text/html; charset=utf-8"

// exportReport takes no place among the heavy queries: what a report asks the API for takes its own.
func (h *fileHandlers) exportReport(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if h.cfg.Report == nil {
		return nil, NewProblem(http.StatusNotImplemented, "this build has no dashboard, of which reports are made; expected one by make static && make build")
	}
	if !run.Status.Final() {
		return nil, NewProblem(http.StatusConflict, "run %s has not ended, a report is of one that has", in.id())
	}
	var page bytes.Buffer
	if err := h.cfg.Report(ctx, &page, in.id()); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		_, w := humachi.Unwrap(c)
		c.SetHeader("Content-Type", reportType)
		c.SetHeader("Content-Disposition", saved(in.id(), "html"))
		c.SetHeader("Cache-Control", notKept)
		c.SetStatus(http.StatusOK)
		_, _ = page.WriteTo(patient{c.BodyWriter(), http.NewResponseController(w)}) // the client may be gone
	}}, nil
}

// file streams a file about a run. If writing fails, the connection is aborted so that a partial file is not mistaken for
// a complete one.
func (h *fileHandlers) file(ctx context.Context, in *runInput, mediaType, ending string, write func(context.Context, io.Writer) error) (*huma.StreamResponse, error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := runTag(&run, "file", ending, run.Annotation)
	if in.unchanged(tag) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("ETag", tag)
			c.SetHeader("Cache-Control", revalidated)
			c.SetStatus(http.StatusNotModified)
		}}, nil
	}
	_, leave, err := h.enter(ctx) // without its timeout: a download may take long as long as the client reads
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer leave()
		_, w := humachi.Unwrap(c)
		c.SetHeader("Content-Type", mediaType)
		c.SetHeader("Content-Disposition", saved(in.id(), ending))
		c.SetHeader("Cache-Control", notKept)
		if tag != "" {
			c.SetHeader("ETag", tag)
			c.SetHeader("Cache-Control", revalidated)
		}
		c.SetStatus(http.StatusOK)
		if err := write(ctx, patient{c.BodyWriter(), http.NewResponseController(w)}); err != nil {
			h.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "download aborted", slog.String("request_id", middleware.GetReqID(ctx)), slog.Any("error", err))
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// saved makes a Content-Disposition under which a browser saves a response: the name and the ID of the run.
func saved(run record.RunID, ending string) string {
	return fmt.Sprintf("attachment; filename=%q", runName(run)+"-"+string(run)+"."+ending)
}

// readWithin is how long a client may take to read each part of a download.
const readWithin = 30 * time.Second

// patient writes as long as the client reads; a client that reads nothing loses its place among the heavy queries.
type patient struct {
	w   io.Writer
	out *http.ResponseController
}

// Write implements io.Writer.
func (p patient) Write(b []byte) (int, error) {
	_ = p.out.SetWriteDeadline(time.Now().Add(readWithin)) // writers in tests have no deadlines, which is harmless
	return p.w.Write(b)
}
