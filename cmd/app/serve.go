package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
)

// serveCommand serves the dashboard and the API, and executes what is submitted there.
type serveCommand struct {
	Addr        string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default 127.0.0.1:8080); port 0 selects a free one. Any address except loopback requires --token-file."`
	TokenFile   string   `placeholder:"FILE" help:"Require the token in this file from every client."`
	Host        []string `placeholder:"NAME" help:"A name under which browsers reach this server, in addition to that of --addr. Can be repeated."`
	Origin      []string `placeholder:"URL" help:"A site whose pages may call the API, such as https://example.org. Can be repeated."`
	BasePath    string   `placeholder:"/PATH" help:"Serve everything below this path, for reverse proxies."`
	Demo        bool     `help:"Execute every workflow once at the start, so that there are runs to explore."`
	LogFormat   string   `default:"text" enum:"text,json" placeholder:"text|json" help:"Format of the log on standard error (default text)."`
	LogRequests bool     `help:"Log every request, not only those that fail with a server error."`
	workersFlags
	keepFlags
	recordFlags
	storeFlags
	fleet.Invoking
}

// keepFlags limit which ended runs are kept while the service runs.
type keepFlags struct {
	KeepFor  *time.Duration `placeholder:"TIME" help:"Delete runs that ended longer ago, such as 720h. Those tagged keep stay."`
	KeepRuns *int           `placeholder:"N" help:"Delete all but the latest N runs."`
	KeepSize fleet.Size     `placeholder:"SIZE" help:"Delete all but the latest runs whose total size is within this, such as 5GiB."`
}

// check refuses invalid values. A limit of 0 could mean that nothing is kept, so it is not accepted as no limit.
func (f keepFlags) check() error {
	if f.KeepFor != nil && *f.KeepFor <= 0 {
		return fmt.Errorf("--keep-for is %s, expected more than 0s, such as 720h; without it runs of any age are kept", *f.KeepFor)
	}
	if f.KeepRuns != nil && *f.KeepRuns <= 0 {
		return fmt.Errorf("--keep-runs is %d, expected 1 or more; without it any number of runs is kept", *f.KeepRuns)
	}
	return nil
}

// retention returns the limits of the flags.
func (f keepFlags) retention() metricsstore.Retention {
	keep := metricsstore.Retention{Bytes: int64(f.KeepSize)}
	if f.KeepFor != nil {
		keep.Age = *f.KeepFor
	}
	if f.KeepRuns != nil {
		keep.Count = *f.KeepRuns
	}
	return keep
}

// Validate is called by kong.
func (c *serveCommand) Validate() error {
	if err := c.workersFlags.check(); err != nil {
		return err
	}
	if err := c.keepFlags.check(); err != nil {
		return err
	}
	c.BasePath = strings.TrimRight(c.BasePath, "/")
	if err := checkBasePath(c.BasePath); err != nil {
		return err
	}
	for _, host := range c.Host {
		if host == "" || strings.ContainsAny(host, "/@ ") {
			return fmt.Errorf("--host is %q, expected a name such as dagscope.example.org, with a port where it is not the usual one", host)
		}
	}
	for _, origin := range c.Origin {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	return nil
}

// Run serves until ctx ends. It binds the address before it opens the data folder, so that a call on a port that is taken
// has no effect.
func (c *serveCommand) Run(ctx context.Context, s *session) error {
	token, err := readToken(c.TokenFile)
	if err != nil {
		return err
	}
	listener, err := c.listen(ctx, token)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server closes it, unless something fails before
	err = s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error { return c.serve(ctx, s, h, listener, token) })
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it was stopped before it had started
	}
	return err
}

// readToken reads the token from a file; without a file it is empty.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", usage("--token-file: expected a file that can be read: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	bad := strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(token) < leastToken || bad {
		return "", usage("--token-file %s: expected one word of at least %d characters, such as `head -c 24 /dev/urandom | base64` makes",
			file, leastToken)
	}
	return token, nil
}

// leastToken is the least number of characters of a token, so that it cannot be guessed.
const leastToken = 16

// logger makes a logger of the service with a minimum level.
func (c *serveCommand) logger(s *session, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(s.stderr, options))
	}
	return slog.New(slog.NewTextHandler(s.stderr, options))
}

// announce prints the address of the service as the first line on standard output.
func (c *serveCommand) announce(s *session, url string) error {
	if s.flags.JSON {
		return json.NewEncoder(s.stdout).Encode(map[string]string{"url": url, "data": s.where}) // one line
	}
	_, err := fmt.Fprintf(s.stdout, "%s: %s\n", s.name, url)
	return err
}

// url is the address of the listener for clients on this machine.
func (c *serveCommand) url(listener net.Listener) string {
	return "http://" + reachable(listener.Addr().String()) + c.BasePath + "/"
}

// demonstrate executes the trials of the demo if --demo is given, and prints a summary.
func (c *serveCommand) demonstrate(
	ctx context.Context, s *session, e *engine.Engine, h *home, url string, log *slog.Logger,
) error {
	if !c.Demo {
		return nil
	}
	lines := *s.program
	lines.bars = false // the log would disrupt them
	quiet := &session{program: &lines, flags: s.flags, where: s.where}
	runs := 0
	for _, t := range quiet.trials() {
		r, err := quiet.try(ctx, e, h, t, engine.RunOptions{Upload: c.Upload.String(), Tags: []string{"demo"}})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			log.Error("a run of the demo could not be started", "workflow", t.workflow, "error", err)
			continue
		}
		runs++
		if r.Status != t.want || !r.Records.Complete {
			log.Warn("a run of the demo did not end as expected", "run", r.Run, "workflow", r.Workflow, "status", r.Status, "expected", t.want)
		}
	}
	fmt.Fprintf(s.stderr, "The demo has ended; see its %s at %s\n", plural(int64(runs), "run"), url)
	if r := s.showLive(ctx, e, log); r != nil {
		fmt.Fprintf(s.stderr, "One more run takes half a minute; watch it at %sruns/%s\n", url, r.ID())
	}
	return nil
}

// showLive starts a run that is long enough to be watched, if there is a workflow for that, and does not wait for it.
func (s *session) showLive(ctx context.Context, e *engine.Engine, log *slog.Logger) *engine.Run {
	w, err := s.workflow(wfformat.Workflow().Name)
	if err != nil {
		return nil
	}
	args, err := w.Arguments(map[string]string{"file": bakeryName, "time_scale": "0.1"}, openDemoFile)
	if err != nil {
		log.Error("the long run of the demo could not be started", "error", err)
		return nil
	}
	r, err := e.SubmitWorkflow(ctx, w.Name, args, engine.RunOptions{Tags: []string{"demo", "live"}})
	if err != nil {
		log.Error("the long run of the demo could not be started", "error", err)
		return nil
	}
	return r
}

// findGraphviz finds dagscope-graphviz: in the folder of this program, or on the PATH; empty if there is none.
func findGraphviz() string {
	const name = "dagscope-graphviz"
	if self, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(self); err == nil {
			self = resolved
		}
		path := filepath.Join(filepath.Dir(self), name+filepath.Ext(self))
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return onPath(name)
}
