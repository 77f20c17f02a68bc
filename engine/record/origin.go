package record

import (
	"fmt"
	"time"
)

// Origin is what is known from the recording that a run was imported from about the run as a whole.
type Origin struct {
	Format string `json:"format"` // the format of the recording with its version, such as "WfFormat 1.5"
	// Makespan is the recorded makespan, which includes time that no task accounts for; 0 if none was recorded.
	Makespan time.Duration `json:"makespan_ns"`
	// Explained is the time in which at least one task ran. The recording does not explain the rest of Makespan.
	Explained time.Duration `json:"explained_ns"`
	// Undated: the recording says neither when the workflow ran nor when the file was made, so moments count from 1970.
	Undated bool `json:"undated,omitempty"`
	// Lanes says how tasks were put in lanes if the recording has start times but no lanes, else empty.
	Lanes string `json:"lanes,omitempty"`
	// Queued: it is recorded of every attempt that was executed when it could have started, so queues were measured.
	Queued bool `json:"queued,omitempty"`
	// System is the tool that ran the workflow, such as "Spark"; empty if the recording does not say.
	System string `json:"system,omitempty"`
	// Digest identifies the bytes that the run was imported from.
	Digest string `json:"digest,omitempty"`
	// Incomplete says why the recording does not cover the whole run, empty if it does.
	Incomplete string `json:"incomplete,omitempty"`
	// GrowsUntil is the moment until which more of the recording is expected, zero if it is over: before that the run
	// counts as running.
	GrowsUntil time.Time `json:"grows_until,omitzero"`
	// Notes say what was recorded, inferred, repaired and left out.
	Notes []Note `json:"notes,omitempty"`
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

// Names of engines that no recording states.
const (
	OwnEngine     = "dagscope" // of runs that were not imported
	UnknownEngine = "unknown"  // of recordings that do not say
)

// Engine is the engine that executed the run: the System of its recording, OwnEngine or UnknownEngine.
func (i *RunInfo) Engine() string {
	o := i.Imported()
	switch {
	case o == nil:
		return OwnEngine
	case o.System == "":
		return UnknownEngine
	}
	return o.System
}

// NoteKind says what a note is about.
type NoteKind string

// Kinds of notes.
const (
	NoteRecorded NoteKind = "recorded"
	NoteInferred NoteKind = "inferred" // concluded, not recorded
	NoteRepaired NoteKind = "repaired" // recorded otherwise
	NoteLeftOut  NoteKind = "left out" // recorded, and not in the run
)

// Note is something that a person who looks at an imported run should know about its recording.
type Note struct {
	Kind NoteKind `json:"kind"`
	// Text is a sentence about Count things, such as "edges were inferred from names", or if Count is -1, one about the
	// recording as a whole.
	Text  string `json:"text"`
	Count int64  `json:"count"`
}

// Sentence is Text with Count after it, if there is one.
func (n Note) Sentence() string {
	if n.Count < 0 {
		return n.Text
	}
	return fmt.Sprintf("%s (%d)", n.Text, n.Count)
}
