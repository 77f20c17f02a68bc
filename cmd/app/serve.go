package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/layout"
)

// serveCommand serves the dashboard and the API, and executes what is submitted there.
type serveCommand struct {
	Addr        string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (default 127.0.0.1:8080); port 0 selects a free one. Any address except loopback requires --token-file."`
	TokenFile   string   `placeholder:"FILE" help:"Require the token in this file from every client."`
	CodeToken   string   `name:"code-token-file" placeholder:"FILE" help:"Let clients that send the token in this file submit code, and see everything. Without it, only clients that can read the data folder submit code."`
	Host        []string `placeholder:"NAME" help:"A name under which browsers reach this server, in addition to that of --addr. Can be repeated."`
	Origin      []string `placeholder:"URL" help:"A site whose pages may call the API, such as https://example.org. Can be repeated."`
	BasePath    string   `placeholder:"/PATH" help:"Serve everything below this path, for reverse proxies."`
	Demo        bool     `help:"Execute every workflow once at the start, so that there are runs to explore."`
	LogFormat   string   `default:"text" enum:"text,json" placeholder:"text|json" help:"Format of the log on standard error (default text)."`
	LogRequests bool     `help:"Log every request, not only those that fail with a server error."`
	priceFlags
	foldersFlags
	workersFlags
	keepFlags
	collectorFlags
	webhookFlags
	recordFlags
	storeFlags
	fleet.Invoking
	fleet.Accepting
	codeFlags
}

// priceFlags say what resources cost.
type priceFlags struct {
	CPUPrice    float64 `name:"price-cpu-hour" placeholder:"AMOUNT" help:"What an hour of a processor costs, in any currency: runs then say what they cost."`
	MemoryPrice float64 `name:"price-gib-hour" placeholder:"AMOUNT" help:"What a GiB of memory costs for an hour."`
}

// check refuses invalid values.
func (f priceFlags) check() error {
	if !(f.CPUPrice >= 0) || !(f.MemoryPrice >= 0) {
		return fmt.Errorf("--price-cpu-hour is %v and --price-gib-hour %v, expected at least 0", f.CPUPrice, f.MemoryPrice)
	}
	return nil
}

// Validate is called by kong.
func (c *serveCommand) Validate() error {
	if err := c.workersFlags.check(); err != nil {
		return err
	}
	if err := c.keepFlags.check(); err != nil {
		return err
	}
	if c.AcceptCode && !c.IsSet() {
		return errors.New("--accept-code is given without --redis, expected both: without it no other process submits code")
	}
	if len(c.Workflows) > 0 && c.IsSet() && c.SecretFile == "" {
		return errors.New("--workflows is given with --redis and without --secret-file, expected it: workers take only code that is signed with their secret")
	}
	if err := c.Accepting.Check(c.SecretFile); err != nil {
		return err
	}
	if err := c.priceFlags.check(); err != nil {
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
	if err := c.webhookFlags.check(); err != nil {
		return err
	}
	_, err := c.collectorFlags.configure()
	return err
}

// Run serves until ctx ends. It binds the address before it opens the data folder, so that a call on a port that is taken
// has no effect.
func (c *serveCommand) Run(ctx context.Context, s *session) error {
	token, err := readToken(c.TokenFile)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.Addr, c.BasePath, token)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server closes it, unless something fails before
	if err := c.makeRunner(s); err != nil {
		return err
	}
	if s.folders, err = c.foldersFlags.open(s, c.logger(s, slog.LevelInfo)); err != nil {
		return err
	}
	tokens := serviceTokens{token: token, key: rand.Text()}
	if tokens.code, err = readTokenOf("--code-token-file", c.CodeToken); err != nil {
		return err
	}
	err = s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error { return c.serve(ctx, s, h, listener, tokens) })
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it was stopped before it had started
	}
	return err
}

// serviceTokens are what clients show to a service.
type serviceTokens struct {
	token string // that every client needs, empty for none
	code  string // that lets a client submit code, empty if none does
	key   string // of the data folder, which does so too
}

// makeRunner makes the runner of what is not compiled in. With --redis there is one if there is a secret.
func (c *serveCommand) makeRunner(s *session) error {
	if !c.IsSet() {
		return c.useCode(s, nil, true)
	}
	if c.SecretFile == "" {
		return nil
	}
	secret, err := c.Secret()
	if err != nil {
		return err
	}
	return c.useCode(s, secret, c.AcceptPickle)
}

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

// softStop is how long tasks have to finish after the first signal; a second signal ends the process at once.
const softStop = 3 * time.Second

// serve runs the parts of the service concurrently until ctx ends or the server fails. Then active runs are cancelled and
// recorded while viewers can still see it, and the server stops last.
func (c *serveCommand) serve(ctx context.Context, s *session, h *home, listener net.Listener, tokens serviceTokens) error {
	log := c.logger(s, slog.LevelInfo)
	collector, err := c.collectorFlags.configure()
	if err != nil {
		return err
	}
	m, err := s.newMachinery(h, engineOptions{
		workers: c.width(), durability: c.Durability, upload: c.Upload, softStop: softStop,
		idle: c.Workers != nil && *c.Workers == 0, serves: true, accepts: c.AcceptCode, invite: c.Invoking,
		key: tokens.key, url: c.url(listener),
		unrecorded: func(run record.RunID, err error) {
			log.Error("a run could not be recorded in full", "run", run, "error", err)
		},
		collector: collector,
	})
	if err != nil {
		return err
	}
	live := &liveRuns{home: h, engine: m.engine}
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: h.store, Live: live.has})
	if err != nil {
		return err
	}
	received, err := c.newReceivers(s, h, log)
	if err != nil {
		return err
	}
	server, err := c.newServer(s, m, h, archiver, received, tokens)
	if err != nil {
		return err
	}
	url := c.url(listener)
	if err := c.observe(ctx, s, m, h, server, url); err != nil {
		return err
	}
	since := time.Now()
	stopMachinery := m.start(ctx)
	receiving := inBackground(ctx, "receivers", received.run)
	if h.redis != nil {
		watching := inBackground(ctx, "outages", fleet.LogOutage(h.redis.Client, log).Run)
		defer func() { _ = watching.stop() }() // it cannot fail
	}
	tidying := inBackground(ctx, "housekeeping", (&housekeeping{store: h.store, archiver: archiver, live: live, keep: c.retention(), log: log, since: since}).Run)
	serving := inBackground(ctx, "web server", func(ctx context.Context) error { return server.Run(ctx, listener) })
	c.logStart(s, m, h, listener, log)
	err = c.announce(s, url)
	showing := inBackground(ctx, "demonstration", func(ctx context.Context) error {
		if !c.Demo {
			return nil
		}
		return s.demonstrate(ctx, m.engine, h, c.Upload.String(), url, log)
	})
	if err == nil {
		select {
		case <-ctx.Done():
			log.Info(c.farewell(), "cause", context.Cause(ctx))
		case <-serving.ended:
		}
	}
	return errors.Join(err, showing.stop(), stopMachinery(), serving.stop(), receiving.stop(), tidying.stop())
}

// farewell describes what happens to runs when the service ends.
func (c *serveCommand) farewell() string {
	if c.IsSet() {
		return "stopping: active runs continue in other processes; a second signal ends this one at once"
	}
	return "stopping: active runs are cancelled and recorded; a second signal ends the process at once"
}

// newServer makes the web server. Below warnings it logs only one line for each request.
func (c *serveCommand) newServer(s *session, m *machinery, h *home, archiver *metricsstore.Archiver, received *receivers, tokens serviceTokens) (*web.Server, error) {
	level := slog.LevelWarn
	if c.LogRequests {
		level = slog.LevelInfo
	}
	log := c.logger(s, level)
	cfg := web.Config{
		Config: api.Config{
			Engine: m.engine, Store: h.store, Archiver: archiver, Program: s.name, Place: s.place(c.storeFlags), Log: log,
			Prices:  metricsstore.Prices{CPUHour: c.CPUPrice, GiBHour: c.MemoryPrice},
			Workers: func(ctx context.Context) ([]api.WorkerState, error) { return listWorkers(ctx, m.pool, h) },
			TaskLog: (&taskLogs{machinery: m, others: controlClient{s.flags.Data}}).read,
		},
		Dashboard: static.FS(), BasePath: c.BasePath, Token: tokens.token, Hosts: c.Host, Origins: c.origins(), Version: programVersion(),
		Traces: received.traces, Feeds: received.feeds, Code: c.codeHandler(s, m, tokens, log),
	}
	if s.folders != nil {
		cfg.Broken = s.folders.Broken
	}
	if h.redis != nil {
		cfg.Shared, cfg.Retry, cfg.WorkerCommand = true, m.engine.Retry, h.workerCommand
	} else {
		cfg.Ask = controlClient{s.flags.Data}.ask
	}
	drawer, err := layout.NewDrawer(layout.Config{Command: findGraphviz(), Cache: graphvizCache(log)})
	if err != nil {
		return nil, err
	}
	cfg.Drawer = drawer
	return web.New(cfg)
}

// origins returns the values of --origin in the form that browsers send.
func (c *serveCommand) origins() []string {
	var out []string
	for _, origin := range c.Origin {
		out = append(out, strings.TrimSuffix(origin, "/"))
	}
	return out
}

// logStart logs the configuration of the service.
func (c *serveCommand) logStart(s *session, m *machinery, h *home, listener net.Listener, log *slog.Logger) {
	log.Info("serving", "address", listener.Addr().String(), "data", s.where, "workflows", len(m.engine.Workflows()), "dashboard", static.Built())
	if shared, ok := h.store.(interface{ Owns() bool }); ok && !shared.Owns() {
		log.Info("another process owns the data: the runs of both are shown, and both can cancel and pause them")
	}
}
