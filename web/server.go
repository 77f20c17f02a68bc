package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/client"
	"github.com/dagscope/dagscope/web/layout"
	"github.com/dagscope/dagscope/web/live"
	"github.com/dagscope/dagscope/web/report"
)

// apiPath is where the API is, below the base path.
const apiPath = "/api/v1"

// codePath is where code is submitted, below the API's.
const codePath = "/code"

// tracesPath is where OTLP over HTTP sends traces, below the base path.
const tracesPath = "/v1/traces"

// feedsPath is where tools send messages about their runs, below the base path and followed by the name of the tool.
const feedsPath = "/feeds/"

// Bounds of connections.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	maxHead     = 64 << 10
	// bodyWithin is how long a body may take to arrive.
	bodyWithin = 5 * time.Minute
	// readyWithin is how long the store may take to answer a readiness check.
	readyWithin = 2 * time.Second
)

// keptLayouts is the number of layouts in the cache.
const keptLayouts = 64

// Server answers all requests of browsers and programs. It is immutable after New; its parts synchronise themselves. Safe
// for concurrent use.
type Server struct {
	cfg      Config
	api      *api.API
	hub      *live.Hub
	layouts  *layout.Cache
	metrics  *metrics
	pages    *pages
	guard    *guard
	handler  http.Handler
	root     http.Handler  // without guard
	patience *patientStore // nil if the store is in this process
}

// New checks the configuration and loads everything that is served, so that a broken dashboard or template fails here.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, layouts: layout.NewCache(keptLayouts)}
	if cfg.Shared { // the store is reached over a network
		s.patience = &patientStore{Store: cfg.Store}
		s.cfg.Store = s.patience
	}
	assets, err := loadAssets(cfg.Dashboard)
	if err != nil {
		return nil, err
	}
	s.pages = &pages{cfg: &s.cfg, assets: assets}
	s.guard = &guard{pages: s.pages, cookie: cookieValue(cfg.Token)}
	s.metrics = newMetrics(cfg.Version, func() int { return s.api.Active() }, func() live.Stats { return s.hub.Stats() })
	compress, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1024), gzhttp.EnableZstd(false), gzhttp.SuffixETag(api.GzipSuffix), gzhttp.ContentTypes([]string{
			"application/json", "application/problem+json", "application/x-ndjson", "text/html", "text/css", "text/csv", "text/plain",
			"text/javascript", "text/vnd.graphviz", "image/svg+xml",
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	router, err := s.routes()
	if err != nil {
		return nil, err
	}
	o := observer{log: cfg.Log, metrics: s.metrics, quiet: quiet(cfg.BasePath), refuse: s.pages.refuse}
	s.handler = o.observe(s.guard.check(uncompressed(compress(router), router)))
	return s, nil
}

// uncompressed excludes sockets and streams from compression, which would buffer them.
func uncompressed(compressed, plain http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpgrade(r) || strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			plain.ServeHTTP(w, r)
			return
		}
		compressed.ServeHTTP(w, r)
	})
}

// routes builds the router; everything is below the base path.
func (s *Server) routes() (http.Handler, error) {
	base := s.cfg.BasePath
	root := chi.NewRouter()
	root.Use(noteRoute, middleware.GetHead)
	root.NotFound(s.pages.notFound)
	root.MethodNotAllowed(s.pages.methodNotAllowed)
	for path, page := range map[string]static.Page{
		"/": static.RunsPage, "/runs/{run}": static.RunPage, "/compare/{runs}": static.ComparePage,
		"/insights": static.InsightsPage, "/workers": static.WorkersPage,
	} {
		root.Get(base+path, func(w http.ResponseWriter, r *http.Request) { s.pages.shell(w, r, page) })
	}
	root.Get(base+"/assets/*", s.pages.serveAsset)
	root.Get(base+"/login", s.guard.showLogin)
	root.Post(base+"/login", s.guard.login)
	root.Get(base+"/healthz", s.healthz)
	root.Get(base+"/readyz", s.readyz)
	root.Method(http.MethodGet, base+"/metrics", s.metrics.handler())
	root.Get(base+"/api/docs", s.pages.docs)
	root.Get(base+"/api/openapi.json", s.pages.openAPI)
	root.Get(base+apiPath+"/live", s.live)
	if s.cfg.Code != nil {
		root.Mount(base+apiPath+codePath, s.cfg.Code)
	}
	if s.cfg.Traces != nil {
		root.Method(http.MethodPost, base+tracesPath, s.cfg.Traces)
	}
	for name, feed := range s.cfg.Feeds {
		root.Method(http.MethodPost, base+feedsPath+name, feed)
	}
	if base != "" {
		root.Get(base, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, base+"/", http.StatusPermanentRedirect)
		})
		root.Get("/healthz", s.healthz)
	}
	return root, s.attach(root)
}

// quiet has the routes whose requests are logged at debug level.
func quiet(base string) map[string]bool {
	return map[string]bool{
		base + "/assets/*": true, base + "/healthz": true, base + "/readyz": true, base + "/metrics": true, "/healthz": true,
	}
}

// attach creates the API and the live views, which need each other.
func (s *Server) attach(root chi.Router) error {
	c := &s.cfg
	var err error
	cfg := c.Config
	cfg.Base, cfg.Layouts = c.BasePath+apiPath, s.layouts
	cfg.Stream = func(w http.ResponseWriter, r *http.Request, run record.RunID) { s.hub.ServeEvents(w, r, run) }
	s.root = root
	if _, _, err := static.Report(c.Dashboard); err == nil {
		cfg.Report = s.WriteReport
	}
	root.Route(c.BasePath+apiPath, func(r chi.Router) {
		s.api, err = api.New(cfg, r)
	})
	if err != nil {
		return err
	}
	s.pages.document, s.pages.json = s.api.Document, newAsset("openapi.json", s.api.Document(c.BasePath))
	queries, err := metricsstore.NewQueries(c.Store)
	if err != nil {
		return err
	}
	liveConfig := live.Config{Queries: queries, Store: c.Store, Runs: s.api, Now: c.Now, Log: c.Log, Origins: c.Origins}
	if s.patience != nil {
		liveConfig.Silent = s.patience.Silent
	}
	s.hub, err = live.New(liveConfig)
	return err
}

// WriteReport writes a run that has ended as one HTML file; see report.Write for the errors.
func (s *Server) WriteReport(ctx context.Context, w io.Writer, run record.RunID) error {
	return report.Write(ctx, w, report.Config{
		Store: s.cfg.Store, API: s.root, Base: s.cfg.BasePath + apiPath, Dashboard: s.cfg.Dashboard, Version: s.cfg.Version,
	}, run)
}

// Client returns a client of the API in this process, which needs neither network nor token.
func (s *Server) Client() (*client.Client, error) {
	return client.New(client.Config{URL: "http://localhost" + s.cfg.BasePath + "/", HTTP: client.Local(s.root)})
}

// Register has a collector, such as durations.Histograms, served with the server's own metrics.
func (s *Server) Register(c prometheus.Collector) error {
	if err := s.metrics.registry.Register(c); err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return nil
}

// live serves WebSockets; a request that is not a valid upgrade is refused with what was expected.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || !strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade"),
		r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", "13")
		s.pages.refuse(w, r, api.NewProblem(http.StatusUpgradeRequired, "this is a WebSocket, expected a request to upgrade to one of version 13"))
	case err != nil || len(key) != 16 || r.ProtoMajor != 1:
		s.pages.refuse(w, r, api.NewProblem(http.StatusBadRequest, "the request to upgrade has no Sec-WebSocket-Key, expected 16 bytes in base64, over HTTP/1.1"))
	default:
		s.hub.ServeWebSocket(w, r)
	}
}

// healthz reports that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "service": "dagscope", "version": s.cfg.Version})
}

// readyz reports whether the store answers.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if _, err := s.cfg.Store.Runs(ctx, metricsstore.Position{}, 1); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "the store does not answer", slog.Any("error", err))
		api.WriteProblem(w, r, api.NewProblem(http.StatusServiceUnavailable, "the store does not answer; the server's log has more"))
		return
	}
	s.writeJSON(w, http.StatusOK, map[string]string{"status": "ready", "service": "dagscope", "version": s.cfg.Version})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// Handler answers all requests. Live views change only while Run runs.
func (s *Server) Handler() http.Handler { return s.handler }

// Run serves connections of a listener, which it closes, until ctx ends. Then it accepts no more connections, closes
// sockets with "going away", waits up to Config.ShutdownAfter for active requests, and returns when all it started has
// ended.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	lasting := context.WithoutCancel(ctx)
	hubCtx, stopHub := context.WithCancel(lasting)
	defer stopHub()
	var hubErr error
	parts.Go(func() { hubErr = s.hub.Run(hubCtx) })
	parts.Go(func() {
		if err := s.api.Warm(hubCtx); err != nil && hubCtx.Err() == nil {
			s.cfg.Log.Warn("the list of runs could not be read ahead; the next request tries again", "error", err)
		}
	})
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead,
		BaseContext: func(net.Listener) context.Context { return lasting },
		ErrorLog:    slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	parts.Go(func() { served <- server.Serve(listener) })
	select {
	case err := <-served:
		return fmt.Errorf("web: %w", err)
	case <-ctx.Done():
	}
	stopHub()
	patience, cancel := context.WithTimeout(lasting, s.cfg.ShutdownAfter)
	defer cancel()
	err := server.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // aborts what has not ended
	}
	parts.Wait()
	s.layouts.Wait()
	s.api.Close()
	return errors.Join(err, hubErr)
}
