package record

import (
	"errors"

	"github.com/dagscope/dagscope/engine/dag"
)

// Recorder keeps what happens in runs. For one run the calls are made one after the other, in the order of the methods;
// Steps and Details are called as often as needed. A Recorder must not modify its arguments, and must not keep them
// after a call returns, except for the graph.
type Recorder interface {
	// Begin is called before the run's first step; an error refuses the run.
	Begin(info RunInfo, g *dag.Graph) error
	// Steps records steps, in the order of Seq without gaps.
	Steps(run RunID, steps []Step)
	// Details records what is known about attempts apart from their steps. It may be called after the step of the
	// attempt was recorded.
	Details(run RunID, details []Detail, workers []WorkerRecord)
	// End is called once, after the last step; an error says that the record is not complete.
	End(run RunID, end RunEnd) error
}

// Adopter is a Recorder that can continue a record begun by another process.
type Adopter interface {
	Recorder
	// Adopt is Begin for a run that other processes may record as well. It returns the number of the last step that is
	// kept: Steps continue after it, Details from the beginning of the revision. ErrRecording: another process records
	// it and may have died. ErrRecorded: the record is complete. A run without a record gets one only if begin is set.
	// Otherwise the error is ErrUnknownRun: the caller knows that the record existed, so it has been deleted.
	Adopt(info RunInfo, g *dag.Graph, begin bool) (after uint64, err error)
	// Leave is End for a run that continues without this process: what was recorded so far is kept, and others may adopt it.
	Leave(run RunID) error
}

// Errors of an Adopter.
var (
	// ErrRecording: another process records the run.
	ErrRecording = errors.New("engine: the run is recorded by another process")
	// ErrRecorded: the record of the run is complete.
	ErrRecorded = errors.New("engine: the run has been recorded")
)
