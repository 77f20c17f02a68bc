package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
)

// importHandlers import runs.
type importHandlers struct {
	*records
	importer *importer.Importer
	held     *heldDrops
}

// Import says what became of the files of an import, or of a dry run what would become of them.
type Import struct {
	Files []ImportedFile `json:"files" doc:"One for each run, in the order in which they were found, and one for each file from which none could be read."`
	Held  *heldFiles     `json:"held,omitempty" doc:"After a dry run, that the files are held for an import without sending them again; absent where they have no run, or are too large to be held."`
}

// ImportedFile is one run that was imported, or a file that was not.
type ImportedFile struct {
	Path    string      `json:"path" doc:"The file that the run was read from."`
	Format  string      `json:"format" doc:"archive, or the name of the format of the record; empty if it is none that is known."`
	Outcome string      `json:"outcome" enum:"imported,completed,replaced,unchanged,failed" doc:"completed: the run existed and lacked something; replaced: it existed, from a shorter record. After a dry run, what an import would do."`
	Run     *RunSummary `json:"run,omitempty"`
	Error   string      `json:"error,omitempty" doc:"Why the file was not imported."`
}

// importFailed is the outcome of a file that was not imported.
const importFailed = "failed"

type importInput struct {
	Exchange
	Name    string   `query:"name" maxLength:"512" doc:"The name of the file in the body."`
	Mapping string   `query:"mapping" maxLength:"4096" doc:"What the columns of a table mean, such as start=begin_ts,end=end_ts,name=job; the files are then read as tables."`
	DryRun  bool     `query:"dry_run" doc:"Says what an import would do, and keeps nothing but, for some minutes, the files."`
	Held    string   `query:"held" maxLength:"64" doc:"The files of a dry run take the place of the body. The mapping is given again."`
	Runs    []string `query:"run,explode" maxItems:"256" doc:"Imports only these of the runs in the files; all without it."`
}

type heldInput struct {
	Held string `path:"held" maxLength:"64"`
}

type importAnswer struct {
	Status int
	Body   Import
}

// importFiles answers with 201 if any run is new, with 200 if all existed and after a dry run, and with the first error
// if there is none.
func (h *importHandlers) importFiles(ctx context.Context, in *importInput) (*importAnswer, error) {
	_, leave, err := h.enter(ctx) // without its timeout: a large file may take long
	if err != nil {
		return nil, err
	}
	defer leave()
	files, err := h.files(in)
	if err != nil {
		return nil, err
	}
	defer h.held.release(files)
	drop := *files.drop // other requests may read the same files in other formats
	if in.Mapping != "" {
		if drop.Formats, err = importer.Mapped(in.Mapping); err != nil {
			return nil, importProblem(err)
		}
	}
	if in.DryRun {
		return h.preview(ctx, files, &drop)
	}
	results, err := h.keep(ctx, in, &drop)
	if err != nil {
		return nil, err
	}
	return h.answer(results)
}

// files returns the files of a request, its own or those of a dry run, which have to be released.
func (h *importHandlers) files(in *importInput) (*heldDrop, error) {
	if in.Held != "" {
		files := h.held.borrow(in.Held)
		if files == nil {
			return nil, notHeld(in.Held)
		}
		return files, nil
	}
	files := h.held.own(&importer.Drop{})
	in.request.Body = &incoming{in.request.Body, http.NewResponseController(in.writer)}
	if err := addFiles(files.drop, in); err != nil {
		h.held.release(files)
		return nil, importProblem(err)
	}
	_ = in.request.Body.Close() // from here on, that the client sends nothing is no sign
	return files, nil
}

// keep imports the runs of a request.
func (h *importHandlers) keep(ctx context.Context, in *importInput, drop *importer.Drop) ([]importer.Result, error) {
	if len(in.Runs) == 0 {
		return h.importer.Import(ctx, drop)
	}
	ids := make([]record.RunID, len(in.Runs))
	for i, run := range in.Runs {
		ids[i] = record.RunID(run)
	}
	results, err := h.importer.ImportOnly(ctx, drop, ids)
	if err == nil && len(results) == 0 {
		err = NewProblem(http.StatusUnprocessableEntity, "the files have no run %s, expected one that a dry run lists", cut(in.Runs[0], 64))
	}
	return results, err
}

// preview says what an import would do, and holds the files for it.
func (h *importHandlers) preview(ctx context.Context, files *heldDrop, drop *importer.Drop) (*importAnswer, error) {
	results, err := h.importer.Preview(ctx, drop)
	switch {
	case err != nil:
		return nil, err
	case len(results) == 0:
		return nil, noFile()
	}
	out := &importAnswer{Status: http.StatusOK, Body: Import{Files: make([]ImportedFile, len(results))}}
	hasRun := false
	for i := range results {
		out.Body.Files[i] = newImportedFile(&results[i], h.cfg.Prices)
		hasRun = hasRun || results[i].Err == nil
	}
	if hasRun {
		out.Body.Held = h.held.hold(files)
	}
	return out, nil
}

// discardFiles releases the files of a dry run.
func (h *importHandlers) discardFiles(_ context.Context, in *heldInput) (*nothing, error) {
	if !h.held.discard(in.Held) {
		return nil, notHeld(in.Held)
	}
	return &nothing{}, nil
}

func notHeld(id string) error {
	return NewProblem(http.StatusNotFound, "no files are held as %q (any more), expected those of a dry run of the last %s; send them again", cut(id, 64), heldFor)
}

func noFile() error {
	return NewProblem(http.StatusUnprocessableEntity, "there is no file, expected at least one")
}

func (h *importHandlers) answer(results []importer.Result) (*importAnswer, error) {
	out := &importAnswer{Body: Import{Files: make([]ImportedFile, 0, len(results))}}
	var first error
	for i := range results {
		r := &results[i]
		switch {
		case r.Err != nil:
			if first == nil {
				first = fmt.Errorf("%s: %w", r.Path, r.Err)
			}
		case r.Outcome == importer.Imported || r.Outcome == importer.Replaced:
			h.deleted.remove(r.Run.Info.ID)
			out.Status = http.StatusCreated
		default:
			out.Status = max(out.Status, http.StatusOK)
		}
		out.Body.Files = append(out.Body.Files, newImportedFile(r, h.cfg.Prices))
	}
	switch {
	case out.Status != 0:
		return out, nil
	case first == nil:
		return nil, noFile()
	}
	return nil, importProblem(first)
}

func newImportedFile(r *importer.Result, prices metricsstore.Prices) ImportedFile {
	file := ImportedFile{Path: r.Path, Format: r.Format, Outcome: string(r.Outcome)}
	if r.Err != nil {
		file.Outcome, file.Error = importFailed, plain(r.Err)
		return file
	}
	summary := newSummary(&r.Run, prices)
	file.Run = &summary
	return file
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
