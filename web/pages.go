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

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/templates"
	"github.com/dagscope/dagscope/web/api"
)

// pageBuffer holds a page until it is complete.
type pageBuffer = bytes.Buffer

// pages answers with pages, assets and errors. It is immutable after New.
type pages struct {
	cfg      *Config
	assets   map[string]*asset // by path below the base path
	document func(base string) []byte
	json     *asset // the description of the API
}

func (p *pages) page() templates.Page {
	return templates.Page{Base: p.cfg.BasePath, Version: p.cfg.Version}
}

// render writes the page that f produces, or a problem if f fails.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, f func(*pageBuffer) error) {
	var b pageBuffer
	if err := f(&b); err != nil {
		p.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "page failed", slog.String("request_id", middleware.GetReqID(r.Context())), slog.Any("error", err))
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
func (p *pages) shell(w http.ResponseWriter, r *http.Request, page static.Page) {
	if run := chi.URLParam(r, "run"); run != "" {
		if _, err := record.ParseRunID(run); err != nil {
			p.refuse(w, r, api.NewProblem(http.StatusNotFound, "there is no such page"))
			return
		}
	}
	// Open in Perfetto talks to the window that it opens. Windows that open this page still share nothing with it.
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	linked, err := static.Assets(p.cfg.Dashboard, p.cfg.BasePath, page)
	if errors.Is(err, fs.ErrNotExist) {
		p.render(w, r, http.StatusOK, func(b *pageBuffer) error { return templates.NoDashboard(b, templates.NoDashboardData{Page: p.page()}) })
		return
	}
	p.render(w, r, http.StatusOK, func(b *pageBuffer) error {
		if err != nil {
			return err
		}
		return templates.Shell(b, templates.ShellData{
			Page: p.page(), Script: linked.Script, Styles: linked.Styles, Preloads: linked.Preloads,
			Bootstrap: templates.Bootstrap{
				BasePath: p.cfg.BasePath, API: apiPath, Version: p.cfg.Version, TokenRequired: p.cfg.Token != "",
			},
		})
	})
}

// docs serves the description of the API as a page.
func (p *pages) docs(w http.ResponseWriter, r *http.Request) {
	origin := "http://" + r.Host
	if r.TLS != nil {
		origin = "https://" + r.Host
	}
	p.render(w, r, http.StatusOK, func(b *pageBuffer) error {
		return templates.APIDocs(b, templates.APIDocsData{
			Page: p.page(), Origin: origin, TokenRequired: p.cfg.Token != "", Document: p.document(""),
		})
	})
}

// openAPI serves the description of the API as JSON.
func (p *pages) openAPI(w http.ResponseWriter, r *http.Request) {
	p.json.serve(w, r)
}

// navigates reports whether a browser asks for a page, as opposed to a program that asks for data.
func (p *pages) navigates(r *http.Request) bool {
	path := strings.TrimPrefix(r.URL.Path, p.cfg.BasePath)
	return strings.Contains(r.Header.Get("Accept"), "text/html") && (!strings.HasPrefix(path, "/api/") || path == "/api/docs") && !isUpgrade(r)
}

// refuse answers with a problem, or with an error page if a browser navigates.
func (p *pages) refuse(w http.ResponseWriter, r *http.Request, problem *api.Problem) {
	if !p.navigates(r) {
		api.WriteProblem(w, r, problem)
		return
	}
	p.render(w, r, problem.Status, func(b *pageBuffer) error {
		return templates.Error(b, templates.ErrorData{
			Page: p.page(), Status: problem.Status, Detail: problem.Detail, RequestID: middleware.GetReqID(r.Context()),
		})
	})
}

func (p *pages) notFound(w http.ResponseWriter, r *http.Request) {
	p.refuse(w, r, api.NewProblem(http.StatusNotFound, "there is nothing at this address"))
}

// methodNotAllowed answers with the methods that the address supports. Where it supports none, the method is not one of
// HTTP, and the answer has those that some address supports.
func (p *pages) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	routes := chi.RouteContext(r.Context()).Routes
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete}
	var allowed []string
	for _, m := range methods {
		match := m
		if m == http.MethodHead {
			match = http.MethodGet
		}
		if routes.Match(chi.NewRouteContext(), match, r.URL.Path) {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		allowed = methods
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	p.refuse(w, r, api.NewProblem(http.StatusMethodNotAllowed, "the method is %s, expected one of %s", shortened(r.Method), strings.Join(allowed, ", ")))
}
