package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/watch"
	"github.com/dagscope/dagscope/web/api"
)

// Event is something that happens to a run.
type Event string

// Events.
const (
	Failed Event = "failed"
	Slow   Event = "slow"
	Late   Event = "late"
)

// Events lists all events.
func Events() []Event { return []Event{Failed, Slow, Late} }

// LeastSecret is the least number of bytes of a secret.
const LeastSecret = 16

// Outbox keeps what a Sender has to remember across restarts.
type Outbox interface {
	// Load returns what was saved last, nil if nothing was.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces it as a whole, durably.
	Save(ctx context.Context, data []byte) error
}

// runs answers about runs, as client.Client does.
type runs interface {
	Run(ctx context.Context, run record.RunID) (api.RunSummary, error)
	Runs(ctx context.Context, query url.Values) (api.RunList, error)
}

// Config of a Sender. Store, Runs, Outbox, URL and Secret are required.
type Config struct {
	Store  metricsstore.Store
	Runs   runs
	Outbox Outbox
	URL    string // to which events are posted
	Secret []byte // that signs them, at least LeastSecret
	Events []Event
	// Page is the address of the list of runs, with a slash at its end, for links to runs; empty for none.
	Page   string
	Client *http.Client // nil for one whose requests take at most 10 s; it must not follow redirects
	Log    *slog.Logger // nil for none
	Every  time.Duration
	// Queue is how many events wait at most; default 1,000.
	Queue int
	// Patience is for how long an event is tried; default 72 h.
	Patience time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.Runs == nil || c.Outbox == nil {
		return c, errors.New("webhook: Store, Runs or Outbox is nil, expected all three")
	}
	if at, err := url.Parse(c.URL); err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return c, fmt.Errorf("webhook: URL is %q, expected an address such as https://example.org/hook", c.URL)
	}
	if len(c.Secret) < LeastSecret {
		return c, fmt.Errorf("webhook: Secret has %d bytes, expected at least %d", len(c.Secret), LeastSecret)
	}
	if len(c.Events) == 0 {
		c.Events = Events()
	}
	for _, e := range c.Events {
		if !slices.Contains(Events(), e) {
			return c, fmt.Errorf("webhook: one of Events is %q, expected failed, slow or late", e)
		}
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Every, c.Queue, c.Patience = cmp.Or(c.Every, time.Second), cmp.Or(c.Queue, 1000), cmp.Or(c.Patience, 72*time.Hour)
	return c, nil
}

// Sender notices events and posts them while Run runs. It is a collector for a registry of Prometheus. Safe for concurrent
// use.
type Sender struct {
	cfg        Config
	deliveries *prometheus.CounterVec
	waiting    prometheus.Gauge

	// All below is of the goroutine of Run.
	watch     *watch.Watch
	state     state
	dirty     bool // state differs from what is kept by more than the mark
	saved     time.Time
	deadlines map[record.RunID]*Deadlines // of open runs; nil if they have none
	pause     time.Duration               // after the latest try, 0 if it was accepted
	next      time.Time                   // of the next try
}

// New checks the configuration and continues where the outbox says, or with what happens from now on.
func New(ctx context.Context, cfg Config) (*Sender, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sender{
		cfg: cfg, deadlines: map[record.RunID]*Deadlines{},
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dagscope_webhook_deliveries_total", Help: "Deliveries of events by outcome: accepted, failed (to be tried again), or dropped.",
		}, []string{"event", "outcome"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dagscope_webhook_waiting", Help: "Events that wait for their delivery."}),
	}
	for _, e := range cfg.Events {
		for _, o := range []outcome{accepted, failed, dropped} {
			s.deliveries.WithLabelValues(string(e), string(o))
		}
	}
	return s, s.load(ctx, time.Now())
}

// Describe implements prometheus.Collector.
func (s *Sender) Describe(to chan<- *prometheus.Desc) {
	s.deliveries.Describe(to)
	s.waiting.Describe(to)
}

// Collect implements prometheus.Collector.
func (s *Sender) Collect(to chan<- prometheus.Metric) {
	s.deliveries.Collect(to)
	s.waiting.Collect(to)
}

// Run notices events and posts them until ctx ends. What waits then is posted by the next process.
func (s *Sender) Run(ctx context.Context) error {
	defer s.cfg.Client.CloseIdleConnections()
	watch.Every(ctx, s.cfg.Every, s.cfg.Log, "events of runs cannot be noticed", s.turn)
	return nil
}

// turn notices what has happened since the turn before, and posts what waits. All of it is kept before it is posted, and
// ends before they are judged.
func (s *Sender) turn(ctx context.Context) error {
	now := time.Now()
	look, err := s.watch.Look(ctx, now)
	if err != nil {
		return err
	}
	s.note(&look)
	if err := s.save(ctx, now); err != nil {
		return err
	}
	unjudged := errors.Join(s.judge(ctx, now), s.overdue(ctx, look.Open, now))
	if err := s.save(ctx, now); err != nil {
		return err
	}
	return errors.Join(unjudged, s.deliver(ctx))
}

// wants reports whether an event is to be posted.
func (s *Sender) wants(e Event) bool { return slices.Contains(s.cfg.Events, e) }

// pageOf is the address of the page of a run.
func (s *Sender) pageOf(run record.RunID) string {
	if s.cfg.Page == "" {
		return ""
	}
	return strings.TrimSuffix(s.cfg.Page, "/") + "/runs/" + string(run)
}
