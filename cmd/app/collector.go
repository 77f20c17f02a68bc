package app

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/otlp/exporter"
)

// Variables by which the exporters of OpenTelemetry are configured.
const (
	endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
	headersVariable  = "OTEL_EXPORTER_OTLP_HEADERS"
)

// collectorFlags say where runs are sent as traces.
type collectorFlags struct {
	OTLPEndpoint string `name:"otlp-endpoint" placeholder:"URL" help:"Send each run that this process has executed, when it has ended, as a trace to this collector of OpenTelemetry, such as http://127.0.0.1:4318; env means the one in OTEL_EXPORTER_OTLP_ENDPOINT. Headers, such as those with a token, are in OTEL_EXPORTER_OTLP_HEADERS."`
}

// configure returns where runs are sent to, with an empty Endpoint for nowhere.
func (f collectorFlags) configure() (exporter.Config, error) {
	cfg := exporter.Config{Endpoint: f.OTLPEndpoint}
	if cfg.Endpoint == "" {
		return cfg, nil
	}
	if cfg.Endpoint == "env" {
		if cfg.Endpoint = os.Getenv(endpointVariable); cfg.Endpoint == "" {
			return cfg, fmt.Errorf("--otlp-endpoint is env and %s is empty, expected an address such as http://127.0.0.1:4318 in one of them", endpointVariable)
		}
	}
	if at, err := url.Parse(cfg.Endpoint); err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return cfg, fmt.Errorf("--otlp-endpoint is %q, expected an address such as http://127.0.0.1:4318", cfg.Endpoint)
	}
	var err error
	cfg.Header, err = parseHeaders(os.Getenv(headersVariable))
	return cfg, err
}

// parseHeaders reads pairs as NAME=VALUE with commas between them, the values with percent signs as in an address.
func parseHeaders(text string) (http.Header, error) {
	out := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, errors.New(headersVariable + " has a part that is no header, expected NAME=VALUE,NAME=VALUE with %20 for a space")
		}
		out.Add(strings.TrimSpace(name), value)
	}
	return out, nil
}

// sendRuns has the runs of the machinery sent to a collector, if one is configured, and returns the recorder that notices
// their ends.
func (m *machinery) sendRuns(h *home, cfg exporter.Config) (record.Recorder, error) {
	if cfg.Endpoint == "" {
		return m.recorder, nil
	}
	var err error
	if cfg.Queries, err = metricsstore.NewQueries(h.store); err != nil {
		return nil, err
	}
	cfg.Log = h.log
	sender, err := exporter.New(cfg)
	if err != nil {
		return nil, err
	}
	m.parts["exporter of runs"] = sender.Run
	return &sendingRecorder{m.recorder, sender}, nil
}

// sendingRecorder sends each run that it has recorded.
type sendingRecorder struct {
	*metricsstore.Recorder
	sender *exporter.Exporter
}

// End implements record.Recorder. What could not be kept in full is sent as far as it was.
func (r *sendingRecorder) End(run record.RunID, end record.RunEnd) error {
	err := r.Recorder.End(run, end)
	r.sender.Ended(run)
	return err
}
