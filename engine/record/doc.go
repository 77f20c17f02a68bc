// Package record has what a run leaves behind: steps, the log they form, the events and measurements decoded from it,
// and the header and the end of the run.
//
// A Step is one completion with all that it caused, some 12 bytes when packed (AppendSteps; FORMAT-steps.md). A
// Walker is what every reader of a log is built on; a Decoder makes Events (FORMAT-events.md) and TaskMetrics of
// steps. A Recorder is what an engine reports all of it to; an Adopter can also continue what another process has
// begun.
//
// It guarantees that a log decodes to the same events in every process, whatever blocks it is read in, that causes
// precede effects, and that phases are never negative and never exceed the attempt. Decoding a step takes some 50 ns.
//
// Caveats: moments are nanoseconds since the start of the run on the store's clock, and clocks of several machines may
// disagree, so events are ordered by Seq and not by time. What a Recorder is given must not be kept: see there.
package record
