package predict

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Plan is a run as it would be begun, which predictions are for.
type Plan struct {
	Run   metricsstore.Run // without an ID
	Graph *dag.Graph
}

// NewPlan plans a run of a workflow that begins at a moment. The error is that of engine.Workflow.Graph.
func NewPlan(w *engine.Workflow, args engine.Args, at time.Time) (*Plan, error) {
	g, err := w.Graph(args)
	if err != nil {
		return nil, err
	}
	info := record.RunInfo{Workflow: w.Name, Params: args.Text(), Inputs: args.Sizes(), StartedAt: at}
	return &Plan{Run: metricsstore.Run{Header: metricsstore.Header{Info: info, Graph: metricsstore.SizeOf(g)}}, Graph: g}, nil
}

// Runs are the runs that a prediction may come from, the latest first.
type Runs struct {
	Like       []record.RunID // with the same parameters
	OfWorkflow []record.RunID // with any; read only if Like has fewer than MinRuns
}

// Launch predicts a planned run. What is missing for a prediction is in the answer; the error is metricsstore.ErrInvalid
// if the graph is too large.
func Launch(ctx context.Context, q *metricsstore.Queries, plan *Plan, runs Runs) (*Prediction, error) {
	run, g := &plan.Run, plan.Graph
	if g.Tasks() > MaxTasks {
		return nil, invalid("the graph has %d tasks, expected at most %d for a prediction", g.Tasks(), MaxTasks)
	}
	a := &Prediction{
		Workflow: run.Info.Workflow, Peers: metricsstore.SamePeers, Terms: []string{}, RunsLike: len(runs.Like), MinRuns: MinRuns, Method: Method,
		Functions: []TimeOf{}, Transfers: []TimeOf{}, Notes: []string{},
	}
	from := runs.Like
	if len(from) >= MinRuns {
		a.Terms = append(a.Terms, run.PeerTerms()...)
	} else {
		a.Peers, a.Method, from = metricsstore.WorkflowPeers, MethodUncorrected, runs.OfWorkflow
	}
	history, err := history(ctx, q, from)
	if err != nil {
		return nil, err
	}
	if a.Runs = len(history); a.Runs < MinRuns {
		a.Missing = tooFew(len(runs.Like))
		return a, nil
	}
	a.Functions, a.Transfers = timesOf(history)
	p, err := newPast(ctx, q, run.Graph.Hash, history)
	if err != nil {
		return nil, err
	}
	return a, a.launch(ctx, p, g)
}

// launch simulates, if enough is known.
func (a *Prediction) launch(ctx context.Context, p *past, g *dag.Graph) error {
	structureOf, latest, widths, err := p.structures(g)
	if err != nil {
		return err
	}
	like := a.Peers == metricsstore.SamePeers
	switch {
	case !widths:
		a.Missing = unknownWidth
		return nil
	case !like && latest.unknown() != "":
		a.Missing = fmt.Sprintf("not enough samples, expected at least %d: of %s", MinSamples, latest.unknown())
		return nil
	}
	a.Tasks = latest.numbering.Tasks()
	p.sim.each = perRun(len(p.history), a.Tasks)
	simulated, err := p.sim.pool(ctx, structureOf)
	if err != nil {
		return err
	}
	a.Simulated = p.sim.each * len(p.history)
	a.note(p, g, like)
	if !like {
		next := newInterval(simulated.interval(simulated.sorted(), len(simulated)))
		a.Makespan = &next
		return nil
	}
	f := newForecast(simulated, p.makespans())
	next := f.at(len(p.history))
	a.Makespan, a.Calibration = &next, f.calibration()
	return nil
}

func (a *Prediction) note(p *past, g *dag.Graph, like bool) {
	lanes := 0
	for _, w := range p.sim.workers {
		lanes += len(w.Lanes)
	}
	a.Notes = append(a.Notes, fmt.Sprintf("The run is taken to have the workers of run %s (slots: %d, workers: %d).", p.latest().id, lanes, len(p.sim.workers)))
	if g.Scopes() > 1 {
		a.Notes = append(a.Notes, fmt.Sprintf("Fan-outs are taken to be as wide as they were in one of the %d runs.", a.Runs))
	}
	if !like {
		a.Notes = append(a.Notes, fmt.Sprintf("Nothing shows how far this is off: that takes %d runs with these parameters, and there are %d.", MinRuns, a.RunsLike))
	}
}
