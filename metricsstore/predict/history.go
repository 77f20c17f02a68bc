package predict

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// RunsBefore lists the runs that a run can be predicted from. It reads headers, of all runs in the worst case; a service
// has metricsstore/index.
func RunsBefore(ctx context.Context, q *metricsstore.Queries, of *metricsstore.Run) (Runs, error) {
	query := metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{Workflow: of.Info.Workflow, Status: []record.Status{record.Succeeded}, To: of.Info.StartedAt},
		Limit:     metricsstore.MaxPage,
	}
	var found Runs
	for {
		page, err := q.Runs(ctx, query)
		if err != nil {
			return Runs{}, err
		}
		for i := range page.Runs {
			r := &page.Runs[i]
			if !r.Comparable() {
				continue
			}
			if len(found.OfWorkflow) < MaxRuns {
				found.OfWorkflow = append(found.OfWorkflow, r.Info.ID)
			}
			if r.PeerKey() != of.PeerKey() {
				continue
			}
			if found.Like = append(found.Like, r.Info.ID); len(found.Like) == MaxRuns {
				return found, nil
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return found, nil
		}
	}
}

// history reads runs, which are given the latest first, until they have as many tasks as are read for one prediction. It
// returns them the earliest first. Runs that cannot be read, or only in part, are left out.
func history(ctx context.Context, q *metricsstore.Queries, runs []record.RunID) ([]*observation, error) {
	var out []*observation
	read := 0
	for _, id := range runs[:min(len(runs), MaxRuns)] {
		run, err := q.Run(ctx, id)
		if err == nil && (run.Upload.Partial() || run.Info.Imported() != nil) {
			continue
		}
		var o *observation
		if err == nil {
			o, err = observe(ctx, q, &run)
		}
		if errors.Is(err, metricsstore.ErrNotFound) || errors.Is(err, metricsstore.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
		if read += len(o.tasks); read >= maxRead && len(out) >= MinRuns {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// randomOf is seeded with the runs of a history, so that equal histories have equal answers.
func randomOf(history []*observation) *rand.Rand {
	h := fnv.New64a()
	for _, o := range history {
		fmt.Fprintf(h, "%s\n", o.id) // writing to a hash never fails
	}
	return rand.New(rand.NewPCG(h.Sum64(), uint64(len(history))))
}

// past is a history that is ready for simulations.
type past struct {
	history []*observation // the earliest first, not empty
	classes *classes
	sim     *simulations
}

func newPast(ctx context.Context, q *metricsstore.Queries, hash string, runs []*observation) (*past, error) {
	latest := runs[len(runs)-1]
	workers, err := q.Workers(ctx, latest.id)
	if err != nil {
		return nil, err
	}
	p := learn(hash, runs)
	p.sim.workers = latest.workers(workers)
	return p, nil
}

// learn finds classes and levels.
func learn(hash string, runs []*observation) *past {
	c := newClasses(hash, runs)
	c.level(runs)
	return &past{history: runs, classes: c, sim: &simulations{random: randomOf(runs), levels: c.levels}}
}

func (p *past) makespans() []float64 {
	out := make([]float64, len(p.history))
	for i, o := range p.history {
		out[i] = float64(o.makespan)
	}
	return out
}

func (p *past) latest() *observation { return p.history[len(p.history)-1] }

// structures returns the structure of a run at the level of each run of the history: fan-outs are as wide as they were in
// that run. widths is false if that is not known of one.
func (p *past) structures(g *dag.Graph) (of func(run int) (*structure, error), first *structure, widths bool, err error) {
	made := map[string]*structure{}
	widths = true
	make := func(run int) (*structure, error) {
		key := fmt.Sprint(p.history[run].widths)
		if made[key] != nil {
			return made[key], nil
		}
		n := dag.NewNumbering(g)
		ok, err := expand(n, p.history[run].widths)
		if err != nil || !ok {
			widths = false
			return nil, err
		}
		made[key], err = newStructure(n, p.classes, unskipped)
		return made[key], err
	}
	first, err = make(len(p.history) - 1)
	return make, first, widths, err
}

// unknown lists functions of a structure without MinSamples, with how many there are.
func (s *structure) unknown() string {
	seen := map[metricsstore.FunctionName]bool{}
	var out []string
	for id := range s.numbering.Nodes() {
		p := s.numbering.Locate(dag.NodeID(id))
		f, ok := functionAt(s.numbering.Graph(), p)
		if at := s.First[id]; ok && !seen[f] && at < s.First[id+1] && len(s.classes[at].samples) < MinSamples {
			out = append(out, fmt.Sprintf("%s (n = %d)", f.Function, len(s.classes[at].samples)))
		}
		seen[f] = true
	}
	return strings.Join(out, ", ")
}
