package app

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/dagscope/dagscope/web/otlp"
)

// tracesFolder is where traces are kept until runs are made of them, in the data folder.
const tracesFolder = "traces"

// receiver is the part of the service that receives traces; it has no Receiver if records are in no folder.
type receiver struct{ *otlp.Receiver }

// inFolder says what the receiver needs.
const inFolder = "traces are received by a service that keeps its records in a folder, expected one without --redis"

// handler answers POST /v1/traces.
func (r *receiver) handler() http.Handler {
	if r.Receiver == nil {
		return otlp.Refuse(inFolder)
	}
	return r.Receiver
}

// newReceiver makes a receiver with a journal in the data folder.
func (c *serveCommand) newReceiver(s *session, h *home, log *slog.Logger) (*receiver, error) {
	if c.inRedis() {
		return &receiver{}, nil // several services would need one journal
	}
	cfg := otlp.Config{Store: h.store, Dir: filepath.Join(s.flags.Data, tracesFolder), Log: log}
	if shared, ok := h.store.(interface{ Owns() bool }); ok {
		cfg.Owns = shared.Owns
	}
	r, err := otlp.New(cfg)
	return &receiver{r}, err
}

// run makes runs of traces until ctx ends.
func (r *receiver) run(ctx context.Context) error {
	if r.Receiver == nil {
		<-ctx.Done()
		return nil
	}
	return r.Run(ctx)
}
