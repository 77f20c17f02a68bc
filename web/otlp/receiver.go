package otlp

import (
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
	"github.com/dagscope/dagscope/web/feed"
)

// Config of a Receiver. Store and Dir are required.
type Config = feed.Config

// Receiver accepts traces and makes runs of them. Safe for concurrent use.
type Receiver struct{ *feed.Receiver }

// New returns a Receiver, of which Run has to be called.
func New(cfg Config) (*Receiver, error) {
	r, err := feed.New(cfg, feed.Source{
		Record: "trace", Records: "traces", Parts: "spans", Root: "the root of the trace",
		System: otlp.System, Format: otlp.New(), File: "trace",
		Read:  func(line []byte) (string, int) { return traceOf(line), spansOf(line) },
		KeyOf: func(params map[string]string) string { return params["trace"] },
		Least: 2, // services send a trace of one span for each health check
	})
	if err != nil {
		return nil, err
	}
	return &Receiver{r}, nil
}
