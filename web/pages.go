package web

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/templates"
	"github.com/dagscope/dagscope/web/api"
)

// pageBuffer holds a page until it is complete.
type pageBuffer = bytes.Buffer

func (s *Server) page() templates.Page {
	return templates.Page{Base: s.cfg.BasePath, Version: s.cfg.Version}
}

// render writes the page that f produces, or a problem if f fails.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, f func(*pageBuffer) error) {
	var b pageBuffer
	if err := f(&b); err != nil {
		s.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "page failed", slog.String("request_id", middleware.GetReqID(r.Context())), slog.Any("error", err))
		api.WriteProblem(w, r, api.NewProblem(http.StatusInternalServerError, "the page could not be rendered; the server's log has the cause under the request's ID"))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// shell answers the pages of the dashboard. They differ only in which code is loaded first; the browser does the rest
// from the address.
func (s *Server) shell(w http.ResponseWriter, r *http.Request, page static.Page) {
	if run := chi.URLParam(r, "run"); run != "" {
		if _, err := engine.ParseRunID(run); err != nil {
			s.refuse(w, r, api.NewProblem(http.StatusNotFound, "there is no such page"))
			return
		}
	}
	linked, err := static.Assets(s.cfg.Dashboard, s.cfg.BasePath, page)
	if errors.Is(err, fs.ErrNotExist) {
		s.render(w, r, http.StatusOK, func(b *pageBuffer) error { return templates.NoDashboard(b, templates.NoDashboardData{Page: s.page()}) })
		return
	}
	s.render(w, r, http.StatusOK, func(b *pageBuffer) error {
		if err != nil {
			return err
		}
		return templates.Shell(b, templates.ShellData{
			Page: s.page(), Script: linked.Script, Styles: linked.Styles, Preloads: linked.Preloads,
			Bootstrap: templates.Bootstrap{
				BasePath: s.cfg.BasePath, API: apiPath, Version: s.cfg.Version, TokenRequired: s.cfg.Token != "",
			},
		})
	})
}

// docs serves the description of the API as a page.
func (s *Server) docs(w http.ResponseWriter, r *http.Request) {
	origin := "http://" + r.Host
	if r.TLS != nil {
		origin = "https://" + r.Host
	}
	s.render(w, r, http.StatusOK, func(b *pageBuffer) error {
		return templates.APIDocs(b, templates.APIDocsData{
			Page: s.page(), Origin: origin, TokenRequired: s.cfg.Token != "", Document: s.api.Document(""),
		})
	})
}

// document serves the description of the API as JSON.
func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	s.documentAsset.serve(w, r)
}

// navigates reports whether a browser asks for a page, as opposed to a program that asks for data.
func (s *Server) navigates(r *http.Request) bool {
	path := strings.TrimPrefix(r.URL.Path, s.cfg.BasePath)
	return strings.Contains(r.Header.Get("Accept"), "text/html") && (!strings.HasPrefix(path, "/api/") || path == "/api/docs") && !isUpgrade(r)
}

// refuse answers with a problem, or with an error page if a browser navigates.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *api.Problem) {
	if !s.navigates(r) {
		api.WriteProblem(w, r, p)
		return
	}
	s.render(w, r, p.Status, func(b *pageBuffer) error {
		return templates.Error(b, templates.ErrorData{
			Page: s.page(), Status: p.Status, Detail: p.Detail, RequestID: middleware.GetReqID(r.Context()),
		})
	})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, api.NewProblem(http.StatusNotFound, "there is nothing at this address"))
}

// methodNotAllowed answers with the methods that the address supports.
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	routes := chi.RouteContext(r.Context()).Routes
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		match := m
		if m == http.MethodHead {
			match = http.MethodGet
		}
		if routes.Match(chi.NewRouteContext(), match, r.URL.Path) {
			allowed = append(allowed, m)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.refuse(w, r, api.NewProblem(http.StatusMethodNotAllowed, "the method is %s, expected one of %s", shortened(r.Method), strings.Join(allowed, ", ")))
}
