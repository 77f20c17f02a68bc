package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/layout"
)

const (
	// softStop is how long tasks have to finish after the first signal; a second signal ends the process at once.
	softStop = 3 * time.Second
	// tidyEvery is how often the service archives and deletes runs.
	tidyEvery = time.Minute
)

// serve runs the parts of the service concurrently until ctx ends or the server fails. Then active runs are cancelled and
// recorded while viewers can still see it, and the server stops last.
func (c *serveCommand) serve(ctx context.Context, s *session, h *home, listener net.Listener, token string) error {
	log := c.logger(s, slog.LevelInfo)
	m, err := s.newMachinery(h, engineOptions{
		workers: c.width(), durability: c.Durability, upload: c.Upload, softStop: softStop,
		idle: c.Workers != nil && *c.Workers == 0, serves: true, invite: c.Invoking,
		unrecorded: func(run engine.RunID, err error) {
			log.Error("a run could not be recorded in full", "run", run, "error", err)
		},
	})
	if err != nil {
		return err
	}
	live := &liveRuns{home: h, engine: m.engine}
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: h.store, Live: live.has})
	if err != nil {
		return err
	}
	server, err := c.newServer(s, m, h, archiver, token)
	if err != nil {
		return err
	}
	url := c.url(listener)
	stopMachinery := m.start(ctx)
	if h.redis != nil {
		watching := inBackground(ctx, "outages", fleet.LogOutage(h.redis.Client, log).Run)
		defer func() { _ = watching.stop() }() // it cannot fail
	}
	tidying := inBackground(ctx, "housekeeping", func(ctx context.Context) error { return c.tidy(ctx, h, archiver, live, log) })
	serving := inBackground(ctx, "web server", func(ctx context.Context) error { return server.Run(ctx, listener) })
	c.logStart(s, h, listener, log)
	err = c.announce(s, url)
	showing := inBackground(ctx, "demonstration", func(ctx context.Context) error { return c.demonstrate(ctx, s, m.engine, h, url, log) })
	if err == nil {
		select {
		case <-ctx.Done():
			log.Info(c.farewell(), "cause", context.Cause(ctx))
		case <-serving.ended:
		}
	}
	return errors.Join(err, showing.stop(), stopMachinery(), serving.stop(), tidying.stop())
}

// farewell describes what happens to runs when the service ends.
func (c *serveCommand) farewell() string {
	if c.IsSet() {
		return "stopping: active runs continue in other processes; a second signal ends this one at once"
	}
	return "stopping: active runs are cancelled and recorded; a second signal ends the process at once"
}

// newServer makes the web server. Below warnings it logs only one line for each request.
func (c *serveCommand) newServer(s *session, m *machinery, h *home, archiver *metricsstore.Archiver, token string) (*web.Server, error) {
	level := slog.LevelWarn
	if c.LogRequests {
		level = slog.LevelInfo
	}
	log := c.logger(s, level)
	cfg := web.Config{
		Engine: m.engine, Store: h.store, Archiver: archiver, Dashboard: static.FS(), BasePath: c.BasePath, Token: token,
		Hosts: c.Host, Origins: c.origins(), Version: programVersion(), Program: s.name, Place: s.place(c.storeFlags), Log: log,
		Workers: func(ctx context.Context) ([]web.WorkerState, error) { return m.workers(ctx, h) },
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

// workerState is what pages show about the worker in this process.
func workerState(s worker.Snapshot) web.WorkerState {
	return web.WorkerState{
		Name: s.Name, Host: s.Host, PID: s.PID, Width: s.Width, Slots: s.Slots, Busy: s.Busy, Leaked: s.Leaked,
		StartedAt: s.StartedAt, LastBeat: time.Now(), Warm: s.Warm, Running: s.Running, TasksDone: s.TasksDone,
		CPU: s.CPU, MemoryBytes: s.MemoryBytes,
	}
}

// graphvizCache is a private folder in which Graphviz keeps its compiled form; empty if it cannot be created.
func graphvizCache(log *slog.Logger) string {
	caches, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(caches, "dagscope", "graphviz")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("drawings take a second longer, because the cache folder of Graphviz cannot be created", "error", err)
		return ""
	}
	return dir
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
func (c *serveCommand) logStart(s *session, h *home, listener net.Listener, log *slog.Logger) {
	log.Info("serving", "address", listener.Addr().String(), "data", s.where, "workflows", len(s.workflows), "dashboard", static.Built())
	if shared, ok := h.store.(interface{ Owns() bool }); ok && !shared.Owns() {
		log.Info("another process owns the data: the runs of both are shown, and both can cancel and pause them")
	}
}

// tidy archives runs whose process is gone, and deletes runs beyond the limits, at once and every minute until ctx ends.
func (c *serveCommand) tidy(ctx context.Context, h *home, archiver *metricsstore.Archiver, live *liveRuns, log *slog.Logger) error {
	keep := c.retention()
	before := time.Now() // runs that start from now on have a recorder
	for ticks := time.NewTicker(tidyEvery); ; {
		var archived []engine.RunID
		var err error
		if live.look(ctx, log) {
			archived, err = archiver.Sweep(ctx, before)
		}
		if len(archived) > 0 {
			log.Info("archived runs whose process is gone", "runs", archived)
		}
		if keep != (metricsstore.Retention{}) {
			deleted, failed := metricsstore.Retain(ctx, h.store, keep, time.Now())
			if len(deleted) > 0 {
				log.Info("deleted runs beyond the limits", "runs", deleted)
			}
			err = errors.Join(err, failed)
		}
		if err != nil && ctx.Err() == nil {
			log.Error("housekeeping failed and will be tried again", "error", err, "after", tidyEvery)
		}
		select {
		case <-ctx.Done():
			ticks.Stop()
			return nil
		case now := <-ticks.C:
			before = now.Add(-tidyEvery)
		}
	}
}

// programVersion is the version or revision of this program, empty if unknown.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var v versionJSON
	v.read(info)
	if v.Version == "" || v.Version == "(devel)" {
		return v.Revision[:min(len(v.Revision), 12)]
	}
	return v.Version
}
