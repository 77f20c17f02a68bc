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
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/layout"
)

// Types of package api that callers of New need: WorkerState is the status of a worker, WorkerSession its session in one
// run, and Control a request to cancel, pause or resume a run.
type (
	WorkerState   = api.WorkerState
	WorkerSession = api.WorkerSession
	Control       = api.Control
)

// ErrUnreached is returned by Config.Ask when it cannot reach a process that executes the run.
var ErrUnreached = api.ErrUnreached

// Config of a Server. Engine, Store and Archiver are required; the zero value of the rest means the defaults.
type Config struct {
	Engine   *engine.Engine
	Store    metricsstore.Store
	Archiver *metricsstore.Archiver
	// Workers lists the live workers that execute runs of the store, including idle ones and those of other processes, and
	// for some minutes those that were lost; nil for none. An error means that they are unknown at the moment.
	Workers func(ctx context.Context) ([]WorkerState, error)
	// Shared means that several processes share the runs, so that workers can be started anywhere.
	Shared bool
	// Retry begins the next revision of a run that failed or was cancelled, as engine.Engine.Retry does. It is nil if runs
	// are not shared; a retry then creates a new run.
	Retry func(ctx context.Context, run record.RunID) (*engine.Run, error)
	// Ask forwards a request to the process that executes a run, if that is another one on the same data, and returns the
	// resulting status of the run. It fails with ErrUnreached if no such process can be reached. It is nil if requests
	// cannot be forwarded.
	Ask func(ctx context.Context, run record.RunID, c Control) (record.Status, error)
	// WorkerCommand starts one more worker; pages show it to be copied. Default "dagscope serve".
	WorkerCommand string
	// Program is the name of the program in commands that pages show; default "dagscope".
	Program string
	// Place holds the flags with which commands of the program find the runs of this server, quoted for a shell, such as
	// --data /srv/runs; empty if they need none.
	Place string
	// Dashboard is the built dashboard, as returned by static.FS; nil for none.
	Dashboard fs.FS
	// Drawer draws graphs with Graphviz; the default has no Graphviz and writes DOT only.
	Drawer *layout.Drawer
	// BasePath is the prefix of all paths: empty, or such as "/x".
	BasePath string
	// Token is required from every client; empty means that no token is required.
	Token string
	// Hosts are the names under which the server is reached, in addition to loopback names and its own addresses. A name
	// with a port is accepted with that port only.
	Hosts []string
	// Origins are other sites whose pages may call the API, such as https://example.org.
	Origins []string
	// Version of the program, shown on pages; empty if unknown.
	Version string
	// Now is the wall clock; default time.Now.
	Now func() time.Time
	// Log receives a line for each request and the causes of failures; default none.
	Log *slog.Logger

	// MaxBody bounds the bodies of all requests except submissions and archives, in bytes; default 1 MiB.
	MaxBody int64
	// MaxUpload bounds the total size of the files of one submission, in bytes; default 64 MiB.
	MaxUpload int64
	// MaxArchive bounds an archive file to import, in bytes; default 512 MiB.
	MaxArchive int64
	// MaxRuns bounds the active runs of this process; default 64.
	MaxRuns int
	// ShutdownAfter is how long Run waits for active requests before it returns; default 10 s.
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
		c.Dashboard = embed.FS{} // empty
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

// CheckAddress refuses an address to listen on that other machines can reach, unless a token is set.
func CheckAddress(addr, token string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("web: %q is not an address, expected one such as 127.0.0.1:8080: %w", addr, err)
	}
	if token != "" || isLoopbackName(host) {
		return nil
	}
	return fmt.Errorf("web: %q can be reached from other machines, expected a token, or an address such as 127.0.0.1:8080", addr)
}

// isLoopbackName reports whether a host name or address always means this machine.
func isLoopbackName(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
