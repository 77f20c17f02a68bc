package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Set is a set of runs that a run is compared with. The one of median makespan stands for it in the decomposition.
type Set struct {
	Runs []record.RunID `json:"runs"`
	N    int            `json:"n"`
}

const (
	// MaxSet bounds a set of runs.
	MaxSet = 50
	// MinRuns is from how many runs on they are resampled.
	MinRuns = 5

	resamples = 2000
)

// Earlier lists the last n good runs before a run, the latest first: those of the same workflow that succeeded and can be
// compared. The error is ErrNoBase if there is none.
func Earlier(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run, n int) ([]metricsstore.Run, error) {
	query := metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{
			Workflow: run.Info.Workflow, Status: []record.Status{record.Succeeded}, To: run.Info.StartedAt,
		},
		Limit: MaxSet,
	}
	var found []metricsstore.Run
	for {
		page, err := q.Runs(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Runs {
			if r.Info.ID != run.Info.ID && r.Comparable() && len(found) < n {
				found = append(found, r)
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" || len(found) == n {
			break
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: expected one of workflow %s that succeeded before run %s", ErrNoBase, run.Info.Workflow, run.Info.ID)
	}
	return found, nil
}

// Against compares a run with a set. Sides of the set that are of another workflow, or have no critical path, are left out;
// the error is ErrDifferent if that leaves none.
func Against(set []*Side, run *Side) (*Comparison, error) {
	alike := slices.DeleteFunc(slices.Clone(set), func(s *Side) bool { return sameWorkflow(s, run) != nil })
	if len(alike) == 0 {
		return nil, fmt.Errorf("%w: none of %d runs has the functions of run %s", ErrDifferent, len(set), run.ID)
	}
	slices.SortFunc(alike, func(x, y *Side) int { return cmp.Or(cmp.Compare(x.Makespan, y.Makespan), cmp.Compare(x.ID, y.ID)) })
	c, err := Pair(alike[(len(alike)-1)/2], run)
	if err != nil {
		return nil, err
	}
	c.Against = &Set{N: len(alike)}
	for _, s := range alike {
		c.Against.Runs = append(c.Against.Runs, s.ID)
	}
	if len(alike) < MinRuns {
		if len(alike) > 1 {
			c.Evidence = strings.TrimSuffix(c.Evidence, onePair) + fmt.Sprintf("%d runs are too few to resample, expected %d: figures are against the one of median makespan.", len(alike), MinRuns)
		}
		return c, nil
	}
	ratios := ratiosTo(alike, run)
	for i := range c.Functions {
		c.Functions[i].resample(ratios[c.Functions[i].Function])
	}
	sortShifts(c.Functions)
	c.Evidence = strings.TrimSuffix(c.Evidence, onePair) + fmt.Sprintf("Ratios are medians of those to %d runs, and their intervals hold 95 %% of %d resamples of these runs.", len(alike), resamples)
	return c, nil
}

// ratiosTo has, for each function, the ratio of a run to each run of a set that has the function.
func ratiosTo(set []*Side, run *Side) map[string][]float64 {
	ratios := map[string][]float64{}
	for _, s := range set {
		al := align(s, run)
		logs := logRatios(s, run, &al)
		for f, is := range run.byFunction {
			if was := s.byFunction[f]; len(was) > 0 {
				if ratio := ratioOf(was, is, logs[f], pairedInSet); ratio != nil && *ratio > 0 {
					ratios[f] = append(ratios[f], *ratio)
				}
			}
		}
	}
	return ratios
}

// pairedInSet is MaxPaired for each run of a set.
const pairedInSet = 128

// resample sets the ratio to the median of those to the runs of a set, and the interval to what resampling the runs gives.
// Runs are drawn, not tasks, because the tasks of one run are correlated. (Efron, Bootstrap methods, 1979, percentile
// method.)
func (s *Shift) resample(ratios []float64) {
	if len(ratios) < MinRuns {
		return
	}
	slices.Sort(ratios)
	ratio := median(ratios)
	s.setRatio(&ratio)
	rng := rand.New(rand.NewPCG(uint64(len(ratios)), 1979)) // the same runs give the same interval
	medians := make([]float64, resamples)
	drawn := make([]float64, len(ratios))
	for i := range medians {
		for k := range drawn {
			drawn[k] = ratios[rng.IntN(len(ratios))]
		}
		slices.Sort(drawn)
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	at := func(q float64) float64 { return medians[int(math.Round(q*float64(resamples-1)))] }
	s.Interval = &[2]float64{at(0.025), at(0.975)}
}

// RunWithBase reads a run and its base, the only one of bases, and compares them. Errors are those of Read and Pair.
func RunWithBase(ctx context.Context, q *metricsstore.Queries, bases []metricsstore.Run, run *metricsstore.Run) (*Comparison, error) {
	base, err := Read(ctx, q, &bases[0])
	if err != nil {
		return nil, err
	}
	side, err := Read(ctx, q, run)
	if err != nil {
		return nil, err
	}
	return Pair(base, side)
}

// RunWithSet reads a run and a set of runs and compares them. Errors are those of Read and Against.
func RunWithSet(ctx context.Context, q *metricsstore.Queries, set []metricsstore.Run, run *metricsstore.Run) (*Comparison, error) {
	side, err := Read(ctx, q, run)
	if err != nil {
		return nil, err
	}
	var sides []*Side
	for i := range set {
		s, err := Read(ctx, q, &set[i])
		if errors.Is(err, ErrNoPath) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sides = append(sides, s)
	}
	return Against(sides, side)
}
