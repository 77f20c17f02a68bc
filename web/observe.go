package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dagscope/dagscope/web/api"
)

// observer counts and logs requests. It is immutable after New.
type observer struct {
	log     *slog.Logger
	metrics *metrics
	quiet   map[string]bool // routes whose requests are logged at debug level
	refuse  func(http.ResponseWriter, *http.Request, *api.Problem)
}

// observe gives each request an ID, counts and logs it, and answers when a handler panics.
func (o *observer) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := rand.Text()[:16]
		w.Header().Set("X-Request-Id", id)
		r = r.WithContext(context.WithValue(r.Context(), middleware.RequestIDKey, id))
		at := &routed{pattern: "none"}
		r = r.WithContext(context.WithValue(r.Context(), routedKey{}, at))
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			broken := o.recover(ww, r, recover())
			o.logRequest(r, ww, at.pattern, time.Since(began))
			if broken {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(ww, r)
	})
}

// recover answers after a panic; it returns true if the connection has to be aborted instead.
func (o *observer) recover(w middleware.WrapResponseWriter, r *http.Request, v any) (broken bool) {
	if v == nil {
		return false
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	o.log.LogAttrs(r.Context(), slog.LevelError, "request panicked",
		slog.String("request_id", middleware.GetReqID(r.Context())), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	if w.Status() != 0 {
		return true
	}
	o.refuse(w, r, api.NewProblem(http.StatusInternalServerError, "internal error; the server's log has the cause under the request's ID"))
	return false
}

// statusGone is the status in metrics and in the log when the client has closed the connection before the response, as
// when a page is left while it loads. Nothing has failed on the server.
const statusGone = 499

// logRequest counts and logs a request that was answered.
func (o *observer) logRequest(r *http.Request, w middleware.WrapResponseWriter, route string, took time.Duration) {
	status := w.Status()
	if status == 0 {
		status = http.StatusOK
	}
	if status == http.StatusServiceUnavailable && errors.Is(r.Context().Err(), context.Canceled) {
		status = statusGone
	}
	o.metrics.count(r.Method, route, status, took)
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case o.quiet[route]:
		level = slog.LevelDebug
	}
	o.log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", middleware.GetReqID(r.Context())), slog.String("method", shortened(r.Method)),
		slog.String("path", shortened(r.URL.Path)), slog.Int("status", status), slog.Int("bytes", w.BytesWritten()),
		slog.Duration("took", took))
}

// routed holds the pattern of the route that answered a request.
type routed struct{ pattern string }

type routedKey struct{}

// noteRoute reports to observe which route answered, because the router resets its context when it returns.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			at, ok := r.Context().Value(routedKey{}).(*routed)
			if p := chi.RouteContext(r.Context()).RoutePattern(); ok && p != "" && p != "/*" && !strings.HasSuffix(p, apiPath+"/*") {
				at.pattern = p
			}
		}()
		next.ServeHTTP(w, r)
	})
}
