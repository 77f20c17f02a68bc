package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/dagscope/dagscope/web/feed"
	"github.com/dagscope/dagscope/web/otlp"
)

// Folders in the data folder where what is received is kept until runs are made of it.
const (
	tracesFolder = "traces"
	feedsFolder  = "feeds"
)

// receivers are the parts of the service that receive records of other tools while they happen.
type receivers struct {
	traces http.Handler
	feeds  map[string]http.Handler
	all    []receiver
}

// receiver makes runs of what it has received, until ctx ends.
type receiver interface {
	Run(ctx context.Context) error
}

// newReceivers makes receivers with journals in the data folder. Without one they refuse, as several services would need one
// journal.
func (c *serveCommand) newReceivers(s *session, h *home, log *slog.Logger) (*receivers, error) {
	feeds := map[string]func(feed.Config) (*feed.Messages, error){"nextflow": feed.NewNextflow, "snakemake": feed.NewSnakemake}
	out := &receivers{feeds: map[string]http.Handler{}}
	if c.inRedis() {
		const inFolder = " are received by a service that keeps its records in a folder, expected one without --redis"
		out.traces = otlp.Refuse("traces" + inFolder)
		for name := range feeds {
			out.feeds[name] = feed.Refuse("messages" + inFolder)
		}
		return out, nil
	}
	cfg := feed.Config{Store: h.store, Dir: filepath.Join(s.flags.Data, tracesFolder), Log: log}
	if shared, ok := h.store.(interface{ Owns() bool }); ok {
		cfg.Owns = shared.Owns
	}
	traces, err := otlp.New(cfg)
	if err != nil {
		return nil, err
	}
	out.traces, out.all = traces, append(out.all, traces)
	for name, open := range feeds {
		cfg.Dir = filepath.Join(s.flags.Data, feedsFolder, name)
		messages, err := open(cfg)
		if err != nil {
			return nil, err
		}
		out.feeds[name], out.all = messages, append(out.all, messages)
	}
	return out, nil
}

// run makes runs of what is received until ctx ends.
func (r *receivers) run(ctx context.Context) error {
	var running sync.WaitGroup
	errs := make([]error, len(r.all))
	for i, one := range r.all {
		running.Go(func() { errs[i] = one.Run(ctx) })
	}
	<-ctx.Done()
	running.Wait()
	return errors.Join(errs...)
}
