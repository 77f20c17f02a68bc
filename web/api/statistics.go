package api

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func (h *insideHandlers) getRunStatistics(ctx context.Context, in *statsInput) (*answer[runStatistics], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := runTag(&run, "stats", in.Metric, in.GroupBy, in.Function, in.Quantiles, in.At.pointer(), in.Limit, in.Cursor)
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (runStatistics, error) {
		query := metricsstore.StatsQuery{
			Run: in.id(), Metric: in.Metric, GroupBy: in.GroupBy, Function: in.Function, Quantiles: in.Quantiles,
			Limit: in.Limit, Cursor: in.Cursor,
		}
		if at := in.At.pointer(); at != nil {
			query.At = new(time.Duration(*at))
		}
		found, err := h.queries.Statistics(ctx, query)
		if err != nil {
			return runStatistics{}, err
		}
		return newRunStatistics(in, &run, &found), nil
	})
}

func newRunStatistics(in *statsInput, run *metricsstore.Run, found *metricsstore.Statistics) runStatistics {
	out := runStatistics{
		Metric: found.Metric, Unit: unitOf(found.Metric), GroupBy: in.GroupBy, Method: method, AtNS: in.At.pointer(),
		AsOf: found.AsOf, Complete: found.Complete && newRecordState(run).Complete,
		Attempts: found.Attempts, Succeeded: found.Succeeded, Groups: make([]group, len(found.Groups)), Next: found.Next,
	}
	for i := range found.Groups {
		g := &found.Groups[i]
		v := group{Key: g.Key, Distribution: newDistribution(&g.Distribution), Throughput: throughput(g.Throughput)}
		switch in.GroupBy {
		case metricsstore.ByFunction:
			v.Function, v.Version = g.Function, &g.Version
		case metricsstore.ByWorker, metricsstore.ByLevel:
			v.Number = &g.Number
		}
		out.Groups[i] = v
	}
	return out
}

// historyHandlers answer questions about many runs.
type historyHandlers struct{ *summaries }

func (h *historyHandlers) getHistory(ctx context.Context, in *historyInput) (*answer[history], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	except, err := optionalRun("except", in.Except)
	if err != nil {
		return nil, err
	}
	before, err := in.Compared.id()
	if err != nil {
		return nil, err
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	query := metricsstore.HistoryQuery{
		Workflow: in.Workflow, Function: in.Function, Version: in.Version.pointer(), Metric: in.Metric, From: in.From, To: in.To,
		Quantiles: in.Quantiles, Bucket: in.Bucket, Except: except,
	}
	var peers *Peers
	if before != "" {
		if err := h.runs.refresh(ctx); err != nil {
			return nil, err
		}
		if peers, query.Of, err = h.peersOf(ctx, before, in.scope()); err != nil {
			return nil, err
		}
	}
	out := history{
		Metric: in.Metric, Peers: peers, Unit: unitOf(in.Metric), Method: method,
		Buckets: []historyPart{}, Groups: []historyPart{},
	}
	if in.GroupBy == metricsstore.ByFunction {
		out.Groups, err = h.historyGroups(ctx, query, in.Bins)
	} else {
		var found metricsstore.History
		found, err = h.queries.History(ctx, query)
		out.Buckets = historyParts(&found, FunctionName{}, in.Bins)
	}
	if err != nil {
		return nil, err
	}
	if out.LeftOut, err = h.leftOut(ctx, query); err != nil {
		return nil, err
	}
	return answered("", out), nil
}

// leftOut counts the runs that are not part of a response.
func (h *historyHandlers) leftOut(ctx context.Context, query metricsstore.HistoryQuery) ([]leftOut, error) {
	left, err := h.queries.LeftOut(ctx, query)
	out := []leftOut{}
	for _, l := range left {
		out = append(out, leftOut(l))
	}
	return out, err
}

// historyGroups returns a part for each function and version that has history.
func (h *historyHandlers) historyGroups(ctx context.Context, query metricsstore.HistoryQuery, bins int) ([]historyPart, error) {
	found, err := h.queries.HistoryByFunction(ctx, query)
	if err != nil {
		return nil, err
	}
	out := []historyPart{}
	for i := range found {
		out = append(out, historyParts(&found[i].History, FunctionName(found[i].FunctionName), bins)...)
	}
	return out, nil
}

func historyParts(found *metricsstore.History, f FunctionName, bins int) []historyPart {
	out := make([]historyPart, len(found.Buckets))
	for i := range found.Buckets {
		b := &found.Buckets[i]
		part := historyPart{From: b.From.UTC(), To: b.To.UTC(), Runs: b.Runs, Distribution: newDistribution(&b.Distribution)}
		if f.Function != "" {
			part.Key, part.Function, part.Version = f.key(), f.Function, &f.Version
		}
		if bins > 0 {
			part.Histogram, part.ECDF = bars(b.Sketch, bins), ecdf(b.Sketch, bins)
		}
		out[i] = part
	}
	return out
}

func (h *historyHandlers) listFunctions(ctx context.Context, in *functionsInput) (*answer[functions], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	query := metricsstore.HistoryQuery{Workflow: in.Workflow, From: in.From, To: in.To}
	found, err := h.queries.Functions(ctx, query)
	if err != nil {
		return nil, err
	}
	out := functions{Functions: make([]FunctionName, len(found))}
	if out.Metrics, err = h.queries.MetricsOf(ctx, query); err != nil {
		return nil, err
	}
	for i, f := range found {
		out.Functions[i] = FunctionName(f)
	}
	return answered("", out), nil
}

// optionalRun parses the ID of a run that may be absent.
func optionalRun(name, text string) (record.RunID, error) {
	if text == "" {
		return "", nil
	}
	id, err := record.ParseRunID(text)
	if err != nil {
		return "", NewProblem(400, "query.%s: %s", name, plain(err))
	}
	return id, nil
}
