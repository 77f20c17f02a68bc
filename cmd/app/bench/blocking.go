package bench

import (
	"context"
	"errors"
	"math/bits"
)

// blockingLeaves make a tree of 9 levels; blockingWidth is the number of processors that its goal is set for.
const (
	blockingLeaves = 256
	blockingWidth  = 2
	blockingRounds = 5
	blockingGoal   = 1.15
)

// measureBlocking runs a tree of sleeping tasks on a few processors: all the leaves can sleep at once, so tasks that
// wait for a processor while others sleep show in its makespan.
func measureBlocking(ctx context.Context, o Options) (b Blocking, err error) {
	h, err := newHost(recorder{}, blockingWidth)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	b = Blocking{Shape: Shape{Tree, blockingLeaves}, Levels: bits.Len(blockingLeaves), SleepNS: int64(o.Sleep)}
	run, err := h.preparer(sleepingFunctions(o.Sleep))(b.Shape)
	if err != nil {
		return b, err
	}
	var makespans []float64
	for range min(o.Rounds, blockingRounds) {
		t, err := run(ctx)
		if err != nil {
			return b, err
		}
		makespans = append(makespans, float64(t.makespan))
	}
	b.Makespan = NewStat(makespans)
	b.Ratio = b.Makespan.Min / float64(int64(b.Levels)*b.SleepNS)
	return b, nil
}

func (b Blocking) goal() Goal {
	return AtMost("blocking "+b.Shape.String()+", makespan / depth", b.Ratio, blockingGoal)
}
