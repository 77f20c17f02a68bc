package app

import (
	"context"
	"io"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/static"
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
)

// writeReport writes the page of a run as one file. It takes a server that answers what the page asks, with an engine that
// executes nothing; no one else can reach it.
func writeReport(ctx context.Context, w io.Writer, store metricsstore.Store, id record.RunID) error {
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: 1})
	if err != nil {
		return err
	}
	idle, err := engine.New(engine.Config{Executor: pool})
	if err != nil {
		return err
	}
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
	if err != nil {
		return err
	}
	server, err := web.New(web.Config{
		Config:    api.Config{Engine: idle, Store: store, Archiver: archiver},
		Dashboard: static.FS(), Version: programVersion(),
	})
	if err != nil {
		return err
	}
	return server.WriteReport(ctx, w, id)
}
