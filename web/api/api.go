package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
	pool "github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/importer"
	"github.com/dagscope/dagscope/web/layout"
)

// Config of an API. Engine, Store and Archiver are required; the zero value of the rest means the defaults.
type Config struct {
	Engine   *engine.Engine
	Store    metricsstore.Store
	Archiver *metricsstore.Archiver
	// Workers lists the live workers that execute runs of the store, including idle ones and those of other processes, and
	// for some minutes those that were lost; nil for none. An error means that they are unknown at the moment.
	Workers func(ctx context.Context) ([]WorkerState, error)
	// Broken lists the files of workflows that have mistakes; nil if no workflow comes from a file.
	Broken func() []pipeline.Broken
	// Shared means that several processes share the runs, so that workers can be started anywhere.
	Shared bool
	// Retry begins the next revision of a run that failed or was cancelled, as engine.Engine.Retry does. It is nil if runs
	// are not shared; a retry then creates a new run.
	Retry func(ctx context.Context, run record.RunID) (*engine.Run, error)
	// Ask forwards a request to the process that executes a run, if that is another one on the same data, and returns the
	// resulting status of the run. It fails with ErrUnreached if no such process can be reached. It is nil if requests
	// cannot be forwarded.
	Ask func(ctx context.Context, run record.RunID, c Control) (record.Status, error)
	// TaskLog returns what an attempt that has not ended has logged after a position, as engine/worker.Pool.Log does. It
	// fails with ErrUnreached if another process executes the task and cannot be reached. It is nil if no logs of such
	// attempts can be read.
	TaskLog func(ctx context.Context, run record.RunID, node dag.NodeID, after pool.LogPosition) (pool.LogPart, error)
	// WorkerCommand starts one more worker; the dashboard shows it to be copied. Default "dagscope serve".
	WorkerCommand string
	// Program is the name of the program in commands that the dashboard shows; default "dagscope".
	Program string
	// Place holds the flags with which commands of the program find the runs of this server, quoted for a shell, such as
	// --data /srv/runs; empty if they need none.
	Place string
	// Prices are what resources cost; zero for no prices.
	Prices metricsstore.Prices
	// Drawer draws small graphs; nil without Graphviz.
	Drawer Drawer
	// Layouts caches layouts; default a new cache for 64 graphs.
	Layouts *layout.Cache
	// Stream answers a request for the live stream of a run; nil if there are no live streams.
	Stream func(w http.ResponseWriter, r *http.Request, run record.RunID)
	// Report writes a run that has ended as one HTML file, as report.Write does; nil without a dashboard.
	Report func(ctx context.Context, w io.Writer, run record.RunID) error
	// Base is the prefix of addresses in responses, such as /x/api/v1; default /api/v1.
	Base string
	// MaxUpload bounds the total size of the files of one submission, in bytes; default 64 MiB.
	MaxUpload int64
	// MaxArchive bounds an archive file to import, in bytes; default 512 MiB.
	MaxArchive int64
	// MaxRuns bounds the active runs of this process; default 64.
	MaxRuns int
	// MaxQueries bounds the concurrent requests that read the log of a run; default twice GOMAXPROCS.
	MaxQueries int
	// QueryTimeout bounds the duration of each of those; default 60 s.
	QueryTimeout time.Duration
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Log receives the causes of failures that clients do not see, and in package web a line for each request; default none.
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

// Drawer draws small graphs with Graphviz; layout.Drawer implements it.
type Drawer interface {
	Draw(ctx context.Context, g *dag.Graph, labels layout.Labels, format string) ([]byte, error)
	Dot(ctx context.Context, g *dag.Graph) (*layout.Layout, error)
}

// API handles all operations. It implements live.Runs. Its fields are set by New; the parts that change synchronise
// themselves. Safe for concurrent use.
type API struct {
	cfg       Config
	huma      huma.API
	document  []byte
	summaries *summaries
	submit    *submitHandlers
	files     *fileHandlers
	imports   *importHandlers
	news      news
}

// New checks the configuration and registers all operations on a router, which is served under Config.Base.
func New(cfg Config, router chi.Router) (*API, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &API{cfg: cfg}
	a.huma = humachi.New(router, huma.Config{
		OpenAPI: newDocument(), Formats: huma.DefaultFormats, DefaultFormat: "application/json",
		Transformers: []huma.Transformer{a.transformProblems},
	})
	a.huma.UseMiddleware(strict)
	if err := a.assemble(); err != nil {
		return nil, err
	}
	a.routes()
	finish(a.huma.OpenAPI())
	a.document, err = encodeDocument(a.huma.OpenAPI())
	return a, err
}

// assemble makes the parts that handlers share.
func (a *API) assemble() error {
	cfg := a.cfg
	queries, err := metricsstore.NewQueries(cfg.Store)
	if err != nil {
		return err
	}
	runs, err := newCatalogue(cfg)
	if err != nil {
		return err
	}
	imports, err := importer.New(importer.Config{Store: cfg.Store, Archiver: cfg.Archiver, MaxArchive: cfg.MaxArchive})
	if err != nil {
		return err
	}
	r := &records{
		cfg: cfg, queries: queries, heavy: make(chan struct{}, cfg.MaxQueries), deleted: newRecent[record.RunID, struct{}](10_000),
	}
	a.summaries = &summaries{
		records: r, runs: runs, roster: roster{workers: cfg.Workers, now: cfg.Now, had: map[string]time.Time{}},
	}
	a.submit = &submitHandlers{
		summaries: a.summaries, schemas: a.huma.OpenAPI().Components.Schemas, keys: newIdempotency(cfg.Now),
	}
	a.files, a.imports = &fileHandlers{records: r}, &importHandlers{records: r, importer: imports, held: &heldDrops{maxBytes: maxHeldBytes}}
	return nil
}

// Active returns how many runs submitted through this API have not ended.
func (a *API) Active() int { return a.submit.active.count() }

// Close releases the files that dry runs of imports have left. It is called once, when no more requests come.
func (a *API) Close() { a.imports.held.close() }
