package record

import "time"

// Origin is what the recording that a run was imported from says about the run as a whole.
type Origin struct {
	Format string `json:"format"` // of the recording with its version, as "WfFormat 1.5"
	// Makespan is the recorded one, which includes what no task records; 0 where none is.
	Makespan time.Duration `json:"makespan_ns"`
	// Explained is the time in which at least one task ran. The rest of Makespan is not in the recording.
	Explained time.Duration `json:"explained_ns"`
	// Undated: the recording says neither when the workflow ran nor when the file was made, so moments count from 1970.
	Undated bool `json:"undated,omitempty"`
	// Lanes says how tasks were put in lanes where the recording has start times but no lanes, else empty.
	Lanes string `json:"lanes,omitempty"`
}

// Imported returns the origin of a run that was imported from a recording, nil for a run of the engine. For runs that
// were imported before RunInfo had an Origin it is derived from their other fields, and Explained is 0.
func (i *RunInfo) Imported() *Origin {
	if i.Origin != nil || i.Reconstructed == "" {
		return i.Origin
	}
	makespan, err := time.ParseDuration(i.Params["recorded_makespan"])
	if err != nil {
		makespan = 0
	}
	return &Origin{
		Format: "WfFormat " + i.Params["schema"], Makespan: makespan, Undated: i.StartedAt.Equal(time.Unix(0, 0)),
	}
}
