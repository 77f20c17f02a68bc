package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
)

// Config of an Exporter. Queries and Endpoint are required.
type Config struct {
	Queries *metricsstore.Queries
	// Endpoint is the address of the collector, such as http://127.0.0.1:4318. /v1/traces is appended unless it ends so.
	Endpoint string
	Header   http.Header  // of each request, such as Authorization
	Client   *http.Client // nil for one whose requests take at most 10 s
	Log      *slog.Logger // nil for none
	// Queue is how many runs wait at most. 0 means 1,000.
	Queue int
	// Patience is for how long a run is tried. 0 means 5 min.
	Patience time.Duration
	// Farewell is for how long Run continues with what waits when its context has ended. 0 means 5 s.
	Farewell time.Duration
}

// Pauses between tries.
const (
	minPause = time.Second
	maxPause = 30 * time.Second
)

// Exporter sends runs. Safe for concurrent use.
type Exporter struct {
	cfg     Config
	target  string
	queue   chan record.RunID
	sent    atomic.Int64
	dropped atomic.Int64
	full    atomic.Int64 // of dropped: because the queue was full, and not logged yet
}

// New returns an Exporter, of which Run has to be called. The error says what is wrong with the configuration.
func New(cfg Config) (*Exporter, error) {
	if cfg.Queries == nil {
		return nil, errors.New("exporter: Queries is nil, expected those of a store")
	}
	at, err := url.Parse(cfg.Endpoint)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("exporter: Endpoint is %q, expected an address such as http://127.0.0.1:4318", cfg.Endpoint)
	}
	if !strings.HasSuffix(at.Path, "/v1/traces") {
		at = at.JoinPath("v1", "traces")
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 1000
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 5 * time.Minute
	}
	if cfg.Farewell <= 0 {
		cfg.Farewell = 5 * time.Second
	}
	return &Exporter{cfg: cfg, target: at.String(), queue: make(chan record.RunID, cfg.Queue)}, nil
}

// Stats are totals of an Exporter, in runs.
type Stats struct{ Sent, Dropped int64 }

// Stats returns the totals so far.
func (e *Exporter) Stats() Stats { return Stats{e.sent.Load(), e.dropped.Load()} }

// Ended has a run sent that is in the store. It never waits: the run is dropped if too many are in the queue.
func (e *Exporter) Ended(run record.RunID) {
	select {
	case e.queue <- run:
	default:
		e.full.Add(1)
		e.dropped.Add(1)
	}
}

// Run sends runs until ctx ends, and then what waits, for at most Config.Farewell.
func (e *Exporter) Run(ctx context.Context) error {
	for {
		select {
		case run := <-e.queue:
			e.deliver(ctx, run)
			continue
		case <-ctx.Done():
		}
		break
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.Farewell)
	defer cancel()
	for {
		select {
		case run := <-e.queue:
			e.deliver(last, run)
		default:
			e.logFull()
			e.cfg.Client.CloseIdleConnections()
			return nil
		}
	}
}

// deliver sends a run, or drops it. A run that is being sent when Run has to end waits for the farewell.
func (e *Exporter) deliver(ctx context.Context, run record.RunID) {
	within, cancel := context.WithTimeout(ctx, e.cfg.Patience)
	defer cancel()
	err := e.send(within, run)
	switch {
	case err == nil:
		e.sent.Add(1)
	case errors.Is(ctx.Err(), context.Canceled):
		e.Ended(run)
	default:
		e.dropped.Add(1)
		e.cfg.Log.Warn("a run could not be sent to the collector and is dropped", "run", run, "collector", e.target, "error", err)
	}
	e.logFull()
}

// logFull says how many runs found no place in the queue.
func (e *Exporter) logFull() {
	if n := e.full.Swap(0); n > 0 {
		e.cfg.Log.Warn("runs were dropped, as too many wait to be sent to the collector", "runs", n, "collector", e.target)
	}
}

// send sends the requests of a run, each until it is accepted.
func (e *Exporter) send(ctx context.Context, run record.RunID) error {
	rejected := ""
	err := export.OTLPRequests(ctx, e.cfg.Queries, run, func(body []byte) error {
		packed, err := compressed(body)
		if err != nil {
			return err
		}
		why, err := e.insist(ctx, packed)
		if why != "" {
			rejected = why
		}
		return err
	})
	if rejected != "" {
		e.cfg.Log.Warn("the collector has accepted a run in part only", "run", run, "collector", e.target, "reason", rejected)
	}
	return err
}

// insist makes a request until it is accepted, refused for good, or ctx ends; then the error is that of the last try.
func (e *Exporter) insist(ctx context.Context, packed []byte) (rejected string, err error) {
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		rejected, err = e.request(ctx, packed)
		var later *busyError
		if !errors.As(err, &later) {
			return rejected, err
		}
		timer := time.NewTimer(max(wait, later.after))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", err
		}
	}
}
