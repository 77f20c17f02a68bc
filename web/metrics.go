package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dagscope/dagscope/web/live"
)

// metrics are the metrics of one server, in a registry of their own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(version string, active func() int, stats func() live.Stats) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dagscope_http_requests_total", Help: "Requests answered, by route pattern and status class.",
		}, []string{"method", "route", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dagscope_http_request_seconds", Help: "How long requests took, without sockets and streams.",
			Buckets:                     []float64{.001, .005, .025, .1, .5, 2.5, 10, 60},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"method", "route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dagscope_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "dagscope_runs_active", Help: "Runs submitted to this server that have not ended.",
		}, func() float64 { return float64(active()) }),
	)
	m.registerLive(stats)
	return m
}

// registerLive adds the metrics of the live views.
func (m *metrics) registerLive(stats func() live.Stats) {
	for _, g := range []struct {
		name, help string
		value      func(live.Stats) int
	}{
		{"dagscope_live_clients", "Open sockets and streams.", func(s live.Stats) int { return s.Clients }},
		{"dagscope_live_subscriptions", "Runs watched, counted once for each client.", func(s live.Stats) int { return s.Subscriptions }},
		{"dagscope_live_feeds", "Runs whose tables are in memory.", func(s live.Stats) int { return s.Feeds }},
		{"dagscope_live_following", "Runs whose logs are followed.", func(s live.Stats) int { return s.Following }},
		{"dagscope_live_rows", "Rows of all tables in memory.", func(s live.Stats) int { return s.Rows }},
	} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help},
			func() float64 { return float64(g.value(stats())) }))
	}
	for _, c := range []struct {
		name, help string
		value      func(live.Stats) uint64
	}{
		{"dagscope_live_frames_total", "Frames sent.", func(s live.Stats) uint64 { return s.Frames }},
		{"dagscope_live_bytes_total", "Bytes of frames sent.", func(s live.Stats) uint64 { return s.Bytes }},
		{"dagscope_live_coalesced_total", "Frames that combined more than one publication.", func(s live.Stats) uint64 { return s.Coalesced }},
		{"dagscope_live_resyncs_total", "Snapshots requested by clients that had lost track.", func(s live.Stats) uint64 { return s.Resyncs }},
		{"dagscope_live_dropped_total", "Clients disconnected because they read too slowly.", func(s live.Stats) uint64 { return s.Dropped }},
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help},
			func() float64 { return float64(c.value(stats())) }))
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
}

// count records a request. The number of labels is bounded: routes are patterns, and unknown methods are "other".
func (m *metrics) count(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodPut:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status/100)+"xx").Inc()
	if status != http.StatusSwitchingProtocols {
		m.seconds.WithLabelValues(method, route).Observe(took.Seconds())
	}
}
