package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/layout"
)

// WorkerState is what a worker is at, WorkerSession its part in one run, and Control what can be done to a run under way.
type (
	WorkerState   = api.WorkerState
	WorkerSession = api.WorkerSession
	Control       = api.Control
)

// ErrUnreached is what Config.Ask gives where it reaches no process that executes the run.
var ErrUnreached = api.ErrUnreached

// Config of a Server. Engine, Store and Archiver are required; the zero value of the rest means the defaults.
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
	// Dashboard is the built dashboard, as static.FS gives it; nil for none.
	Dashboard fs.FS
	// Drawer draws by Graphviz; default one without Graphviz, which writes DOT.
	Drawer *layout.Drawer
	// BasePath is what all paths begin with: "" or such as "/x".
	BasePath string
	// Token is what everybody is asked for; empty for nobody.
	Token string
	// Hosts are names under which the server is reached, beside those of this machine itself; with a port where only
	// that one is meant.
	Hosts []string
	// Origins are other sites whose pages may call the API, such as https://example.org.
	Origins []string
	// Version of the program, which pages show; empty where it is not known.
	Version string
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Log gets a line for each request and the causes of failures; default none.
	Log *slog.Logger

	// MaxBody bounds the bodies of requests that are no submissions and no archives, in bytes; default 1 MiB.
	MaxBody int64
	// MaxUpload bounds the files of one submission together, in bytes; default 64 MiB.
	MaxUpload int64
	// MaxArchive bounds an archive file that is taken in, in bytes; default 512 MiB.
	MaxArchive int64
	// MaxRuns bounds the runs of this process that are under way at a time; default 64.
	MaxRuns int
	// ShutdownAfter is how long requests under way may take once Run is to end; default 10 s.
	ShutdownAfter time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Engine == nil || c.Store == nil || c.Archiver == nil {
		return c, errors.New("web: Engine, Store or Archiver is nil, expected all three")
	}
	if c.BasePath != "" && (c.BasePath[0] != '/' || strings.HasSuffix(c.BasePath, "/") || strings.ContainsAny(c.BasePath, "?#%\\\"{}*") || !cleanPath(c.BasePath)) {
		return c, fmt.Errorf("web: BasePath is %q, expected nothing or a path such as /x", c.BasePath)
	}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+u.Host {
			return c, fmt.Errorf("web: one of Origins is %q, expected a site such as https://example.org", o)
		}
	}
	if c.Dashboard == nil {
		c.Dashboard = embed.FS{} // with nothing in it
	}
	if c.Drawer == nil {
		var err error
		if c.Drawer, err = layout.NewDrawer(layout.Config{}); err != nil {
			return c, err
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, b := range []struct {
		value *int64
		def   int64
	}{{&c.MaxBody, 1 << 20}, {&c.MaxUpload, 64 << 20}, {&c.MaxArchive, 512 << 20}} {
		if *b.value <= 0 {
			*b.value = b.def
		}
	}
	if c.ShutdownAfter <= 0 {
		c.ShutdownAfter = 10 * time.Second
	}
	return c, nil
}

// CheckAddress refuses an address to listen on that others than this machine can reach, unless there is a token.
func CheckAddress(addr, token string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("web: %q is no address, expected one such as 127.0.0.1:8080: %w", addr, err)
	}
	if token != "" || isLoopbackName(host) {
		return nil
	}
	return fmt.Errorf("web: %q can be reached from other machines, expected a token with it, or an address such as 127.0.0.1:8080", addr)
}

// isLoopbackName reports whether a host is this machine itself, seen from nowhere else.
func isLoopbackName(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
