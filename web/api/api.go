package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/web/layout"
)

// Config of an API. Engine, Store and Archiver are required; the zero value of the rest means the defaults.
type Config struct {
	Engine   *engine.Engine
	Store    metricsstore.Store
	Archiver *metricsstore.Archiver
	// Workers gives the live workers that take runs of the store, those of other processes and idle ones included, and for
	// some minutes those that were lost; nil for none.
	// An error says that they are not known.
	Workers func(ctx context.Context) ([]WorkerState, error)
	// Shared says that several processes share the runs, so that workers can be started anywhere.
	Shared bool
	// Retry begins the next revision of a run that failed or was cancelled, as engine.Engine.Retry does; nil where runs
	// are not shared, and a retry is a new run.
	Retry func(ctx context.Context, run engine.RunID) (*engine.Run, error)
	// Ask asks the process that executes a run, where that is another one on the same data, and gives the status that the
	// run has then; the error is ErrUnreached where none that can be reached executes it. Nil where none can be asked.
	Ask func(ctx context.Context, run engine.RunID, c Control) (engine.Status, error)
	// WorkerCommand is what starts one more worker, for people to copy; default "dagscope serve".
	WorkerCommand string
	// Program is the name of the program, for commands that people copy; default "dagscope".
	Program string
	// Place is the flags with which commands of the program find the runs of this server, as words for a shell such as
	// --data /srv/runs; empty where they find them without any.
	Place string
	// Drawer draws small graphs; nil where there is no Graphviz.
	Drawer Drawer
	// Layouts keeps layouts; default one of its own for 64 graphs.
	Layouts *layout.Cache
	// Stream answers a request for the live stream of a run; nil where there is none.
	Stream func(w http.ResponseWriter, r *http.Request, run engine.RunID)
	// Base stands before the addresses that answers name, such as /x/api/v1; default /api/v1.
	Base string
	// MaxUpload bounds the files of one submission together, in bytes; default 64 MiB.
	MaxUpload int64
	// MaxArchive bounds an archive file that is taken in, in bytes; default 512 MiB.
	MaxArchive int64
	// MaxRuns bounds the runs of this process that are under way at a time; default 64.
	MaxRuns int
	// MaxQueries bounds the requests that read the log of a run at a time; default twice GOMAXPROCS.
	MaxQueries int
	// QueryTimeout bounds each of those; default 60 s.
	QueryTimeout time.Duration
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Log gets the causes of failures that are not told to whoever asked; default none.
	Log *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.Engine == nil || c.Store == nil || c.Archiver == nil {
		return c, errors.New("api: Engine, Store or Archiver is nil, all three are required")
	}
	if c.Workers == nil {
		c.Workers = func(context.Context) ([]WorkerState, error) { return nil, nil }
	}
	if c.WorkerCommand == "" {
		c.WorkerCommand = "dagscope serve"
	}
	if c.Program == "" {
		c.Program = "dagscope"
	}
	if c.Layouts == nil {
		c.Layouts = layout.NewCache(64)
	}
	if c.Base == "" {
		c.Base = "/api/v1"
	}
	for _, b := range []struct {
		value *int64
		def   int64
	}{{&c.MaxUpload, 64 << 20}, {&c.MaxArchive, 512 << 20}} {
		if *b.value <= 0 {
			*b.value = b.def
		}
	}
	if c.MaxRuns <= 0 {
		c.MaxRuns = 64
	}
	if c.MaxQueries <= 0 {
		c.MaxQueries = 2 * runtime.GOMAXPROCS(0)
	}
	if c.QueryTimeout <= 0 {
		c.QueryTimeout = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Drawer draws small graphs by Graphviz; layout.Drawer is one.
type Drawer interface {
	Draw(ctx context.Context, g *engine.Graph, labels layout.Labels, format string) ([]byte, error)
	Dot(ctx context.Context, g *engine.Graph) (*layout.Layout, error)
}

// API answers requests. Safe for concurrent use. It implements live.Runs.
type API struct {
	cfg      Config
	huma     huma.API
	document []byte

	queries  *metricsstore.Queries // of the store
	runs     *catalogue
	roster   roster
	keys     *idempotency
	active   active
	heavy    chan struct{} // a token for each heavy query under way
	deleted  *recent[engine.RunID, struct{}]
	timeline *recent[string, *Timeline]
	importer *importer.Importer
	news     news
}

// New checks the configuration and registers all operations on a router, which is served under Config.Base.
func New(cfg Config, router chi.Router) (*API, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &API{
		cfg: cfg, keys: newIdempotency(cfg.Now), heavy: make(chan struct{}, cfg.MaxQueries),
		roster:  roster{workers: cfg.Workers, now: cfg.Now, had: map[string]time.Time{}},
		deleted: newRecent[engine.RunID, struct{}](10_000), timeline: newRecent[string, *Timeline](512),
	}
	if a.queries, err = metricsstore.NewQueries(cfg.Store); err != nil {
		return nil, err
	}
	if a.runs, err = newCatalogue(cfg); err != nil {
		return nil, err
	}
	a.runs.missing = a.missingFunctions
	a.importer, err = importer.New(importer.Config{Store: cfg.Store, Archiver: cfg.Archiver, MaxArchive: cfg.MaxArchive})
	if err != nil {
		return nil, err
	}
	a.huma = humachi.New(router, huma.Config{
		OpenAPI: newDocument(), Formats: huma.DefaultFormats, DefaultFormat: "application/json",
		Transformers: []huma.Transformer{a.tellProblems},
	})
	a.huma.UseMiddleware(strict)
	a.routes()
	finish(a.huma.OpenAPI())
	a.document, err = encodeDocument(a.huma.OpenAPI())
	return a, err
}

// Active is how many runs that this process executes are under way.
func (a *API) Active() int { return a.active.count() }
