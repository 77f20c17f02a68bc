package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
	"github.com/dagscope/dagscope/metricsstore/importer"
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
	e := exports[in.Format]
	return h.file(ctx, &runInput{in.OfRun, in.Conditional}, e.mediaType, e.ending, func(ctx context.Context, w io.Writer) error {
		return e.write(ctx, w, h.queries, in.id())
	})
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

// importHandlers import runs.
type importHandlers struct {
	*records
	importer *importer.Importer
}

// Import says what became of the files of an import.
type Import struct {
	Files []ImportedFile `json:"files" doc:"One for each run, in the order in which they were found, and one for each file from which none could be read."`
}

// ImportedFile is one run that was imported, or a file that was not.
type ImportedFile struct {
	Path    string      `json:"path" doc:"The file that the run was read from."`
	Format  string      `json:"format" doc:"archive, or the name of the format of the record; empty if it is none that is known."`
	Outcome string      `json:"outcome" enum:"imported,completed,replaced,unchanged,failed" doc:"completed: the run existed and lacked something; replaced: it existed, from a shorter record."`
	Run     *RunSummary `json:"run,omitempty"`
	Error   string      `json:"error,omitempty" doc:"Why the file was not imported."`
}

// importFailed is the outcome of a file that was not imported.
const importFailed = "failed"

type importInput struct {
	Exchange
	Name    string `query:"name" maxLength:"512" doc:"The name of the file in the body."`
	Mapping string `query:"mapping" maxLength:"4096" doc:"What the columns of a table mean, such as start=begin_ts,end=end_ts,name=job; the files are then read as tables."`
}

type importAnswer struct {
	Status int
	Body   Import
}

// importFiles answers with 201 if any run is new, with 200 if all existed, and with the first error if there is none.
func (h *importHandlers) importFiles(ctx context.Context, in *importInput) (*importAnswer, error) {
	_, leave, err := h.enter(ctx) // without its timeout: a large file may take long
	if err != nil {
		return nil, err
	}
	defer leave()
	drop := &importer.Drop{}
	defer func() { _ = drop.Close() }() // temporary files
	in.request.Body = &incoming{in.request.Body, http.NewResponseController(in.writer)}
	if err := addFiles(drop, in); err != nil {
		return nil, importProblem(err)
	}
	_ = in.request.Body.Close() // from here on, that the client sends nothing is no sign
	if in.Mapping != "" {
		if drop.Formats, err = importer.Mapped(in.Mapping); err != nil {
			return nil, importProblem(err)
		}
	}
	results, err := h.importer.Import(ctx, drop)
	if err != nil {
		return nil, err
	}
	return h.answer(results)
}

func (h *importHandlers) answer(results []importer.Result) (*importAnswer, error) {
	out := &importAnswer{Body: Import{Files: make([]ImportedFile, 0, len(results))}}
	var first error
	for i := range results {
		r := &results[i]
		file := ImportedFile{Path: r.Path, Format: r.Format, Outcome: string(r.Outcome)}
		switch {
		case r.Err != nil:
			file.Outcome, file.Error = importFailed, plain(r.Err)
			if first == nil {
				first = r.Err
			}
		default:
			summary := newSummary(&r.Run)
			file.Run = &summary
			out.Status = max(out.Status, http.StatusOK)
			if r.Outcome == importer.Imported || r.Outcome == importer.Replaced {
				h.deleted.remove(r.Run.Info.ID)
				out.Status = http.StatusCreated
			}
		}
		out.Body.Files = append(out.Body.Files, file)
	}
	switch {
	case out.Status != 0:
		return out, nil
	case first == nil:
		return nil, NewProblem(http.StatusUnprocessableEntity, "there is no file, expected at least one")
	}
	return nil, importProblem(first)
}

// importProblem is the answer to an error that a file caused.
func importProblem(err error) error {
	switch tooLarge := new(http.MaxBytesError); {
	case errors.Is(err, os.ErrDeadlineExceeded) && errors.Is(err, errIncoming):
		return NewProblem(http.StatusRequestTimeout, "nothing of the body came for %s", readWithin)
	case errors.Is(err, importer.ErrTooLarge), errors.As(err, &tooLarge):
		return NewProblem(http.StatusRequestEntityTooLarge, "%s", plain(err))
	case errors.Is(err, importer.ErrFile):
		return NewProblem(http.StatusUnprocessableEntity, "%s", plain(err))
	case errors.Is(err, errIncoming):
		return NewProblem(http.StatusBadRequest, "%s", plain(err))
	}
	return err
}

// errIncoming: the body of a request does not come as a whole.
var errIncoming = errors.New("the body cannot be read")

// incoming reads a body as long as the client sends; one that sends nothing loses its place among the heavy queries.
type incoming struct {
	io.ReadCloser
	in *http.ResponseController
}

// Read implements io.Reader.
func (i *incoming) Read(b []byte) (int, error) {
	_ = i.in.SetReadDeadline(time.Now().Add(readWithin)) // readers in tests have no deadlines, which is harmless
	n, err := i.ReadCloser.Read(b)
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.Is(err, io.EOF):
		_ = i.in.SetReadDeadline(time.Time{})
	case err != nil && !errors.As(err, &tooLarge): // the deadline stays: the server reads the rest before it answers
		err = fmt.Errorf("%w: %w", errIncoming, err)
	}
	return n, err
}

// Close implements io.Closer. The server closes the body that it knows.
func (i *incoming) Close() error { return i.in.SetReadDeadline(time.Time{}) }

// addFiles adds the files of a request: the body, or each part of a form that has a file name.
func addFiles(drop *importer.Drop, in *importInput) error {
	kind, _, err := mime.ParseMediaType(in.request.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return drop.AddStream(in.Name, in.request.Body)
	}
	form, err := in.request.MultipartReader()
	if err != nil {
		return NewProblem(http.StatusBadRequest, "the form cannot be read: %v", err)
	}
	for {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return NewProblem(http.StatusBadRequest, "the form cannot be read: %v", err)
		}
		// The name of a part, and not its file name, keeps the folders in which a file was dropped.
		if err := drop.AddStream(part.FormName(), part); err != nil {
			return err
		}
	}
}
