// Package durations has histograms for Prometheus of how long runs and tasks took, by workflow and function.
//
// They cover the runs of a store that end while Run does, whichever process executed them, and are observed at the end of each:
//
//	dagscope_run_seconds{workflow, status}              makespans, without runs that were continued after an end
//	dagscope_task_execute_seconds{workflow, function}   execution of attempts that ended well, without cached ones
//	dagscope_durations_other_total{histogram}           durations under the labels "other", see below
//
// Both are native histograms with buckets a tenth apart, for scrapers that negotiate protobuf; the text format, which has
// none, shows classic buckets of the same durations.
//
// Guarantees: each duration is counted once, and those of tasks are the values that the digests of metricsstore are made
// of. There are at most Config.MaxPairs pairs of workflow and function, and as many of workflow and status: later ones
// are counted under the labels "other". Native buckets are at most 100 a histogram; what needs more has wider ones.
//
// Costs: the log of each ended run is read once more, by one goroutine. The number of histograms is bounded, and each is.
//
// Caveats: histograms begin empty with the process, as counters of Prometheus do. Services that share a store count the
// same runs, so sum over stores and not over services. A workflow whose name is "other" shares its labels with the rest.
package durations

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/watch"
)

// Config of Histograms. Store is required.
type Config struct {
	Store metricsstore.Store
	Every time.Duration // between two readings of the store; default 1 s
	// MaxPairs is how many pairs of labels a histogram has at most, without the rest; default 256.
	MaxPairs int
	Log      *slog.Logger // nil for none
}

// Histograms is a collector for a registry of Prometheus, whose Run observes. Safe for concurrent use.
type Histograms struct {
	cfg     Config
	queries *metricsstore.Queries
	watch   *watch.Watch       // by Run alone
	waiting []metricsstore.Run // ended, and not observed yet
	runs    *family
	tasks   *family
	other   *prometheus.CounterVec
}

// New makes histograms of the runs that end from now on.
func New(cfg Config) (*Histograms, error) {
	queries, err := metricsstore.NewQueries(cfg.Store)
	if err != nil {
		return nil, err
	}
	cfg.Every, cfg.MaxPairs = cmp.Or(cfg.Every, time.Second), cmp.Or(cfg.MaxPairs, 256)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Histograms{cfg: cfg, queries: queries, watch: watch.New(cfg.Store, watch.Mark{}, time.Now())}
	h.other = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dagscope_durations_other_total", Help: "Durations under the labels other, because there are too many distinct ones.",
	}, []string{"histogram"})
	h.runs = newFamily(prometheus.HistogramOpts{
		Name: "dagscope_run_seconds", Help: "How long runs took from the first claim to the last end.",
	}, [2]string{"workflow", "status"}, cfg.MaxPairs, h.other)
	h.tasks = newFamily(prometheus.HistogramOpts{
		Name: "dagscope_task_execute_seconds", Help: "How long tasks were executed that ended well.",
	}, [2]string{"workflow", "function"}, cfg.MaxPairs, h.other)
	return h, nil
}

// Describe implements prometheus.Collector.
func (h *Histograms) Describe(to chan<- *prometheus.Desc) {
	h.runs.vec.Describe(to)
	h.tasks.vec.Describe(to)
	h.other.Describe(to)
}

// Collect implements prometheus.Collector.
func (h *Histograms) Collect(to chan<- prometheus.Metric) {
	h.runs.vec.Collect(to)
	h.tasks.vec.Collect(to)
	h.other.Collect(to)
}

// Run observes the runs that end, until ctx ends. While the store does not answer, they wait.
func (h *Histograms) Run(ctx context.Context) error {
	watch.Every(ctx, h.cfg.Every, h.cfg.Log, "durations of ended runs cannot be read", h.look)
	return nil
}

// look observes the runs that have ended since the look before.
func (h *Histograms) look(ctx context.Context) error {
	look, err := h.watch.Look(ctx, time.Now())
	if err != nil {
		return err
	}
	h.waiting = append(h.waiting, look.Ended...)
	for len(h.waiting) > 0 {
		r := &h.waiting[0]
		err := h.observe(ctx, r)
		switch {
		case errors.Is(err, metricsstore.ErrCorrupt):
			h.cfg.Log.Warn("durations of a run cannot be read and are left out", "run", r.Info.ID, "error", err)
		case err != nil && !errors.Is(err, metricsstore.ErrNotFound): // it was deleted
			return err
		}
		h.waiting = h.waiting[1:]
	}
	return nil
}

// observe enters a run, all of it or nothing. What its earlier revisions executed was observed at their ends.
func (h *Histograms) observe(ctx context.Context, r *metricsstore.Run) error {
	type execution struct {
		function string
		took     time.Duration
	}
	var found []execution
	_, err := h.queries.EachRecord(ctx, r.Info.ID, func(records []record.TaskMetrics) error {
		for i := range records {
			if m := &records[i]; m.Outcome == record.OutcomeOK && m.Revision == r.Info.Revision {
				found = append(found, execution{m.Task.Function, m.Execute})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range found {
		h.tasks.observe(r.Info.Workflow, e.function, e.took)
	}
	if r.Info.Revision == 0 {
		h.runs.observe(r.Info.Workflow, string(r.Status), time.Duration(r.MakespanNS()))
	}
	return nil
}

// family is a histogram for each of a bounded number of pairs of labels.
type family struct {
	vec   *prometheus.HistogramVec
	most  int
	pairs map[[2]string]prometheus.Observer
	rest  prometheus.Counter
}

// newFamily makes a family without pairs. A bucket of the native histograms is a tenth wider than the one before; the
// classic ones are from 0.1 ms to 4 hours.
func newFamily(o prometheus.HistogramOpts, labels [2]string, most int, rest *prometheus.CounterVec) *family {
	o.Buckets = []float64{.0001, .001, .01, .1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400}
	o.NativeHistogramBucketFactor, o.NativeHistogramMaxBucketNumber = 1.1, 100
	return &family{
		vec: prometheus.NewHistogramVec(o, labels[:]), most: most, pairs: map[[2]string]prometheus.Observer{}, rest: rest.WithLabelValues(o.Name),
	}
}

// observe is called by one goroutine at a time.
func (f *family) observe(a, b string, took time.Duration) {
	pair := [2]string{strings.ToValidUTF8(a, "�"), strings.ToValidUTF8(b, "�")} // which labels have to be
	to, known := f.pairs[pair]
	switch {
	case known:
	case len(f.pairs) < f.most:
		to = f.vec.WithLabelValues(pair[:]...)
		f.pairs[pair] = to
	default:
		to = f.vec.WithLabelValues("other", "other")
		f.rest.Inc()
	}
	to.Observe(took.Seconds())
}
