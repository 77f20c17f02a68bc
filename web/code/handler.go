package code

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/submission"
	"github.com/dagscope/dagscope/web/api"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = 256 << 20

// longestWait bounds how long a request waits for the end of a run.
const longestWait = 30 * time.Second

// Config of a Handler. Engine and Dir are required; the zero value of the rest means the defaults.
type Config struct {
	Engine submitter
	// Runner makes the functions of tasks; without one, everything is refused.
	Runner *code.Runner
	// Dir is the folder of archives; ArchiveBytes bounds those that are kept there, those used last; default 1 GiB.
	Dir          string
	ArchiveBytes int64
	// Keys are those of which each request has to carry one; without any, everything is refused.
	Keys []string
	// Base is the prefix of the paths of pages.
	Base string
	// MaxRuns bounds the active runs; default 64.
	MaxRuns int
	// KeepFor and KeepBytes bound how long values of runs are kept, and how many bytes of them; default 10 minutes, 1 GiB.
	KeepFor   time.Duration
	KeepBytes int64
	// Log gets errors that are no fault of a client; nil for none.
	Log *slog.Logger
}

// submitter is what starts runs, and finds those that have not ended.
type submitter interface {
	Submit(ctx context.Context, name string, g *dag.Graph, opts engine.RunOptions) (*engine.Run, error)
}

// Handler answers the requests of the package comment. Safe for concurrent use.
type Handler struct {
	cfg      Config
	router   chi.Router
	archives archives
	runs     runs
}

// New returns a handler, which is to be mounted where paths begin with bundles and runs.
func New(cfg Config) *Handler {
	if cfg.MaxRuns <= 0 {
		cfg.MaxRuns = 64
	}
	if cfg.KeepFor <= 0 {
		cfg.KeepFor = 10 * time.Minute
	}
	if cfg.KeepBytes <= 0 {
		cfg.KeepBytes = 1 << 30
	}
	if cfg.ArchiveBytes <= 0 {
		cfg.ArchiveBytes = 1 << 30
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{cfg: cfg, router: chi.NewRouter(), archives: archives{dir: cfg.Dir, most: cfg.ArchiveBytes}, runs: newRuns(&cfg)}
	h.router.Use(h.admit)
	h.router.Head("/bundles/{hash}", h.handle(h.hasArchive))
	h.router.Put("/bundles/{hash}", h.handle(h.putArchive))
	h.router.Post("/runs", h.handle(h.submit))
	h.router.Get("/runs/{run}", h.handle(h.run))
	h.router.Get("/runs/{run}/result", h.handle(h.result))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.router.ServeHTTP(w, r) }

// Accepts reports whether a request carries one of the keys.
func (h *Handler) Accepts(r *http.Request) bool {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sum, found := sha256.Sum256([]byte(strings.TrimSpace(key))), 0
	for _, k := range h.cfg.Keys {
		known := sha256.Sum256([]byte(k))
		found |= subtle.ConstantTimeCompare(sum[:], known[:])
	}
	return found == 1
}

// admit refuses requests that may not send code. Browsers say themselves that a page sends a request.
func (h *Handler) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p *api.Problem
		switch {
		case h.cfg.Runner == nil:
			p = api.NewProblem(http.StatusForbidden, "this service accepts no code: with --redis it needs --secret-file, with which workers know who signed it")
		case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
			p = api.NewProblem(http.StatusForbidden, "the request was made by a page, expected a program: pages may not send code")
		case !h.Accepts(r):
			p = api.NewProblem(http.StatusForbidden, "the request has no right to submit code, expected as Authorization: Bearer the key of the data folder, which Client() reads, or the token of --code-token-file")
		default:
			next.ServeHTTP(w, r)
			return
		}
		api.WriteProblem(w, r, p)
	})
}

// handle answers with the problem that an error is; of another one the client learns nothing.
func (h *Handler) handle(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		var p *api.Problem
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &p):
		case errors.As(err, &tooLarge):
			p = api.NewProblem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", tooLarge.Limit)
		case errors.Is(err, submission.ErrMalformed), errors.Is(err, dag.ErrInvalidGraph):
			p = api.NewProblem(http.StatusUnprocessableEntity, "%v", err)
		case errors.Is(err, engine.ErrClosed):
			p = api.NewProblem(http.StatusServiceUnavailable, "the service is stopping")
		default:
			h.cfg.Log.Error("a request with code failed", "path", r.URL.Path, "error", err)
			p = api.NewProblem(http.StatusInternalServerError, "something failed; the server's log has more")
		}
		api.WriteProblem(w, r, p)
	}
}

func (h *Handler) hasArchive(w http.ResponseWriter, r *http.Request) error {
	has, err := h.archives.has(chi.URLParam(r, "hash"))
	if err == nil && !has {
		err = errNoArchive(chi.URLParam(r, "hash"))
	}
	return err
}

func (h *Handler) putArchive(w http.ResponseWriter, r *http.Request) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, code.MaxBundle))
	if err != nil {
		return err
	}
	if err := h.archives.put(chi.URLParam(r, "hash"), data); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) submit(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return err
	}
	described, err := submission.Decode(body)
	if err != nil {
		return err
	}
	bundle, err := h.archives.bundle(described.Archive)
	if err != nil {
		return err
	}
	graph, err := described.Build(h.cfg.Runner, bundle)
	if err != nil {
		return err
	}
	started, err := h.runs.start(func() (*engine.Run, error) { // the run outlives the request
		return h.cfg.Engine.Submit(context.WithoutCancel(r.Context()), described.Name, graph, engine.RunOptions{})
	})
	if err != nil {
		return err
	}
	id := string(started.ID())
	w.Header().Set("Location", h.cfg.Base+"/api/v1/runs/"+id)
	return writeJSON(w, http.StatusCreated, map[string]string{"run": id, "page": h.cfg.Base + "/runs/" + id})
}

// state is what GET code/runs/RUN answers.
type state struct {
	Status  record.Status       `json:"status"`
	Tasks   int                 `json:"tasks"`
	Done    int                 `json:"done"`
	Failed  int                 `json:"failed"`
	Retries int                 `json:"retries"`
	Error   *record.ErrorRecord `json:"error,omitempty"` // the first one, of a run that did not succeed
}

func (h *Handler) run(w http.ResponseWriter, r *http.Request) error {
	started, err := h.runs.get(chi.URLParam(r, "run"))
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("wait"), 64)
	if err == nil && seconds > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), min(longestWait, time.Duration(seconds*float64(time.Second))))
		defer cancel()
		select {
		case <-started.Done():
		case <-ctx.Done():
		}
	}
	p := started.Progress()
	out := state{Status: p.Status, Tasks: p.Tasks, Done: p.Done, Failed: p.Failed, Retries: p.Retries}
	if p.Status.Final() {
		<-started.Done()
		end := started.End()
		out.Status, out.Error = end.Status, end.First
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *Handler) result(w http.ResponseWriter, r *http.Request) error {
	started, err := h.runs.get(chi.URLParam(r, "run"))
	if err != nil {
		return err
	}
	if status := started.Progress().Status; status != record.Succeeded {
		return api.NewProblem(http.StatusConflict, "the run has no result: it is %s", status)
	}
	<-started.Done()
	return writeResult(w, started.Value())
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
	return nil
}
