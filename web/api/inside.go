package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/layout"
)

// insideHandlers answer questions about one run. Safe for concurrent use.
type insideHandlers struct {
	*records
	timelines *recent[string, *timeline] // by ETag
}

func (h *insideHandlers) getGraph(ctx context.Context, in *runInput) (*answer[graph], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := tagOf("graph", run.Graph.Hash)
	if run.Info.Origin != nil {
		// Runs of the same graph read files of other sizes and have tasks of other names, as may the same record once
		// it is imported again.
		tag = tagOf("graph", run.Graph.Hash, run.Info.ID, run.AddedAt)
	}
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (graph, error) {
		g, err := h.queries.Graph(ctx, in.id())
		if err != nil {
			return graph{}, err
		}
		out := newGraph(g)
		if run.Info.Origin != nil {
			out.Scopes[0].EdgeBytes, err = h.edgeBytes(ctx, in.id(), out.Scopes[0].Edges)
		}
		return out, err
	})
}

func (h *insideHandlers) getLayout(ctx context.Context, in *layoutInput) (*answer[*layout.Layout], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := func(engine string) string { return tagOf("layout", run.Graph.Hash, engine) }
	if in.unchanged(tag(in.Engine)) {
		return notModified[*layout.Layout](tag(in.Engine)), nil
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	g, err := h.queries.Graph(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if in.Engine == layout.EngineDot && h.cfg.Drawer != nil {
		if l, err := h.cfg.Drawer.Dot(ctx, g); err == nil {
			return answered(tag(l.Engine), l), nil
		}
	}
	l, err := h.cfg.Layouts.Get(ctx, g)
	if err != nil {
		return nil, err
	}
	return answered(tag(l.Engine), l), nil
}

func (h *insideHandlers) listEvents(ctx context.Context, in *eventsInput) (*answer[eventList], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "events", in.After, in.Limit), func(ctx context.Context) (eventList, error) {
		return h.events(ctx, in)
	})
}

// events decodes the events after a number. Skipping one costs a few nanoseconds.
func (h *insideHandlers) events(ctx context.Context, in *eventsInput) (eventList, error) {
	decoder, log, err := h.queries.Decode(ctx, in.id())
	if err != nil {
		return eventList{}, err
	}
	out := eventList{Events: []event{}, NextAfter: in.After}
	var room []record.Event
	for len(out.Events) < in.Limit {
		steps, err := log.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return eventList{}, err
		}
		for i := range steps {
			if decoder.Seq()+uint64(decoder.EventCount(&steps[i])) <= in.After {
				decoder.Skip(steps[i : i+1])
				continue
			}
			room = decoder.Events(room[:0], steps[i:i+1])
			for _, e := range room {
				if e.Seq > in.After && len(out.Events) < in.Limit {
					out.Events = append(out.Events, event{e})
					out.NextAfter = e.Seq
				}
			}
		}
		if err := decoder.Err(); err != nil {
			return eventList{}, fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
		}
	}
	out.AsOf = log.After()
	return out, nil
}

// stream answers requests for the live stream instead of a list of events.
func (h *insideHandlers) stream(ctx huma.Context, next func(huma.Context)) {
	if h.cfg.Stream == nil || !acceptsStream(ctx.Header("Accept")) {
		next(ctx)
		return
	}
	r, w := humachi.Unwrap(ctx)
	id, err := record.ParseRunID(ctx.Param("run"))
	if err != nil {
		WriteProblem(w, r, NewProblem(400, "path.run: %s", plain(err)))
		return
	}
	if _, err := h.kept(r.Context(), id); err != nil {
		WriteProblem(w, r, problemOf(r.Context(), h.cfg.Log, err))
		return
	}
	h.cfg.Stream(w, r, id)
}

func (h *insideHandlers) listRunWorkers(ctx context.Context, in *runInput) (*answer[runWorkerList], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "workers"), func(ctx context.Context) (runWorkerList, error) {
		records, err := h.queries.Workers(ctx, in.id())
		if err != nil {
			return runWorkerList{}, err
		}
		return runWorkerList{Workers: latestOfEach(records)}, nil
	})
}

// latestOfEach returns the last record of each worker, by number: later revisions of a run include the earlier ones.
func latestOfEach(records []record.WorkerRecord) []runWorker {
	out := []runWorker{}
	for i := range records {
		w := newRunWorker(&records[i])
		at, known := slices.BinarySearchFunc(out, w.Worker, func(o runWorker, n int) int { return cmp.Compare(o.Worker, n) })
		if known {
			out[at] = w
		} else {
			out = slices.Insert(out, at, w)
		}
	}
	return out
}
