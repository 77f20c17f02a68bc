package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/metricsstore"
)

// Problem is the form of all errors: problem details as in RFC 9457.
type Problem struct {
	Type      string         `json:"type" doc:"Always about:blank: the title is that of the status."`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What was wrong with this request, and what was expected."`
	RequestID string         `json:"request_id" doc:"Identifies the request in the server's log."`
	Errors    []ProblemError `json:"errors,omitempty" doc:"Everything that was wrong, if there were several things."`

	header http.Header
	cause  error
}

// ProblemError is one of several things that were wrong with a request.
type ProblemError struct {
	Message  string `json:"message"`
	Location string `json:"location,omitempty" doc:"Such as query.limit or body.tags[3]."`
}

// NewProblem makes a problem with a status. The detail is sent to the client.
func NewProblem(status int, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns the cause of the problem, nil for none.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// with adds a header to the response.
func (p *Problem) with(name, value string) *Problem {
	p.header = http.Header{name: {value}}
	return p
}

// WriteProblem answers a request with a problem, completed with the ID of the request.
func WriteProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	out := *p
	out.RequestID = middleware.GetReqID(r.Context())
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(&out) // the client may be gone
	}
}

// problemOf is the one place where errors become statuses and texts. Any other error becomes a plain 500, and its cause is
// logged but not sent.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return NewProblem(http.StatusRequestEntityTooLarge, "the body is larger than the %d bytes that are accepted", tooLarge.Limit)
	case errors.Is(err, metricsstore.ErrNotFound), errors.Is(err, engine.ErrUnknownRun):
		return NewProblem(http.StatusNotFound, "there is no such run, or no such part of it")
	case errors.Is(err, engine.ErrUnknownWorkflow):
		return NewProblem(http.StatusNotFound, "there is no such workflow; GET /workflows lists them")
	case errors.Is(err, metricsstore.ErrInvalid):
		return NewProblem(http.StatusBadRequest, "%s", plain(err))
	case errors.Is(err, engine.ErrInvalidParameter), errors.Is(err, dag.ErrInvalidGraph), errors.Is(err, engine.ErrUnknownFunction):
		return NewProblem(http.StatusUnprocessableEntity, "%s", plain(err))
	case errors.Is(err, metricsstore.ErrLive):
		return NewProblem(http.StatusConflict, "the run has not ended; cancel it first")
	case errors.Is(err, metricsstore.ErrExists), errors.Is(err, metricsstore.ErrConflict), errors.Is(err, metricsstore.ErrStale):
		return NewProblem(http.StatusConflict, "%s", plain(err))
	case errors.Is(err, metricsstore.ErrLease):
		return NewProblem(http.StatusConflict, "another process is archiving the run; try again in a few seconds").with("Retry-After", "5")
	case errors.Is(err, engine.ErrClosed), errors.Is(err, metricsstore.ErrClosed):
		return NewProblem(http.StatusServiceUnavailable, "the server is shutting down")
	case errors.Is(err, metricsstore.ErrUnavailable):
		return unavailable(err)
	case errors.Is(err, context.DeadlineExceeded):
		return NewProblem(http.StatusServiceUnavailable, "the answer took too long to compute; ask for less").with("Retry-After", "5")
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return NewProblem(http.StatusServiceUnavailable, "the request was cancelled")
	}
	log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request_id", middleware.GetReqID(ctx)), slog.Any("error", err))
	if errors.Is(err, metricsstore.ErrCorrupt) {
		return NewProblem(http.StatusInternalServerError, "the record of the run is damaged; dagscope check reports how")
	}
	return NewProblem(http.StatusInternalServerError, "internal error; the server's log has the cause under the request's ID")
}

// unavailable reports that the store does not answer; the client can only try again later.
func unavailable(cause error) *Problem {
	p := NewProblem(http.StatusServiceUnavailable, "the store does not answer; runs continue on workers that reach it, so try again in a few seconds").
		with("Retry-After", "2")
	p.cause = cause
	return p
}

// ofEngine classifies an error of the engine, which times out by itself if runs are shared and their store is down.
func ofEngine(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return unavailable(err)
	}
	return err
}

// fromHuma converts validation errors of huma to a problem: 400 for addresses and headers, 422 for bodies.
func fromHuma(m *huma.ErrorModel, words wording) *Problem {
	p := NewProblem(m.Status, "%s", m.Detail)
	for _, e := range m.Errors {
		if e == nil {
			continue
		}
		p.Errors = append(p.Errors, ProblemError{Message: words.of(e), Location: e.Location})
	}
	if len(p.Errors) == 0 {
		return p
	}
	first := p.Errors[0]
	p.Detail = first.Message
	if first.Location != "" {
		p.Detail = first.Location + ": " + first.Message
	}
	if p.Status == http.StatusUnprocessableEntity && !inBody(first.Location) {
		p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
	}
	return p
}
