package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
	"github.com/dagscope/dagscope/web/layout"
)

// drawingTypes are the formats of drawings.
var drawingTypes = map[string]string{"svg": "image/svg+xml", "png": "image/png", "dot": "text/vnd.graphviz"}

// drawing is a drawing in one of the formats.
type drawing struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	ContentType  string `header:"Content-Type"`
	Disposition  string `header:"Content-Disposition"`
	Body         []byte
}

func (h *insideHandlers) getDrawing(ctx context.Context, in *drawingInput) (*drawing, error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if h.cfg.Drawer == nil {
		return nil, drawingProblem(layout.ErrNoGraphviz)
	}
	tag := runTag(&run, "drawing", in.Format)
	if in.unchanged(tag) {
		return &drawing{Status: http.StatusNotModified, ETag: tag, CacheControl: revalidated}, nil
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	g, labels, err := h.labels(ctx, &run)
	if err != nil {
		return nil, err
	}
	image, err := h.cfg.Drawer.Draw(ctx, g, labels, in.Format)
	if err != nil {
		return nil, drawingProblem(err)
	}
	caching := revalidated
	if tag == "" { // of a live run
		caching = notKept
	}
	return &drawing{
		Status: http.StatusOK, ETag: tag, CacheControl: caching, ContentType: drawingTypes[in.Format],
		Disposition: saved(in.id(), in.Format), Body: image,
	}, nil
}

// drawingProblem explains why there is no drawing, and what is available instead.
func drawingProblem(err error) error {
	switch {
	case errors.Is(err, layout.ErrNoGraphviz):
		return NewProblem(http.StatusNotImplemented, "drawings need the program dagscope-graphviz next to this server, which was not found; format=dot and the layout are available without it")
	case errors.Is(err, layout.ErrTooLarge):
		return NewProblem(http.StatusUnprocessableEntity, "%s; format=dot and the layout are available", strings.TrimPrefix(err.Error(), "layout: "))
	case errors.Is(err, layout.ErrTimeout):
		return NewProblem(http.StatusServiceUnavailable, "Graphviz took too long with this graph and was ended; format=dot and the layout are available")
	}
	return err
}

// fate is how a task ended, or all instances of a task in the body of a fan-out.
type fate struct {
	tasks    map[dag.NodeID]bool // with at least one attempt
	attempts int
	execute  time.Duration
	ended    map[runtable.State]int // number of tasks by state
}

// labels reads from the log of a run how its tasks ended, for a drawing.
func (h *insideHandlers) labels(ctx context.Context, run *metricsstore.Run) (*dag.Graph, layout.Labels, error) {
	decoder, log, err := h.queries.Decode(ctx, run.Info.ID)
	if err != nil {
		return nil, nil, err
	}
	fates := map[layout.Element]*fate{}
	of := func(node dag.NodeID) *fate {
		at := decoder.Numbering().Locate(node)
		element := layout.Element{Scope: at.Block.Scope, Node: at.Local}
		if fates[element] == nil {
			fates[element] = &fate{tasks: map[dag.NodeID]bool{}, ended: map[runtable.State]int{}}
		}
		return fates[element]
	}
	table := runtable.New(decoder.Numbering().Graph())
	var room []record.TaskMetrics
	err = log.Each(ctx, func(steps []record.Step) error {
		room = decoder.Metrics(room[:0], steps)
		if err := cmp.Or(decoder.Err(), table.Steps(steps)); err != nil {
			return fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
		}
		for i := range room {
			of(room[i].Node).add(&room[i])
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if run.Status.Final() {
		table.Complete()
	}
	for node := range dag.NodeID(table.Numbering().Nodes()) {
		if table.Numbering().IsTask(node) {
			of(node).ended[table.StateAt(node, table.End())]++
		}
	}
	labels := layout.Labels{}
	for element, f := range fates {
		labels[element] = f.text(element.Scope > 0)
	}
	return decoder.Numbering().Graph(), labels, nil
}

func (f *fate) add(m *record.TaskMetrics) {
	f.tasks[m.Node] = true
	f.attempts++
	f.execute += m.Execute
}

// text puts it into one line, without tasks that the run has not reached yet. The time is the sum over all attempts.
func (f *fate) text(many bool) string {
	took := f.execute.String()
	if f.execute >= time.Microsecond {
		took = f.execute.Round(f.execute / 500).String() // three digits or so
	}
	var parts []string
	if many && len(f.tasks) > 0 {
		parts = append(parts, fmt.Sprintf("%d tasks, %s together", len(f.tasks), took))
	}
	for _, state := range []runtable.State{runtable.Succeeded, runtable.Cached, runtable.Retrying, runtable.Failed, runtable.Cancelled, runtable.Skipped, runtable.NotRun, runtable.Lost} {
		switch n := f.ended[state]; {
		case n == 0:
		case !many:
			parts = append(parts, state.String())
		case state != runtable.Succeeded:
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if !many && f.attempts > 0 {
		parts = append(parts, took)
	}
	text := strings.Join(parts, ", ")
	if !many && f.attempts > 1 {
		text += fmt.Sprintf(" in %d attempts", f.attempts)
	}
	return text
}
