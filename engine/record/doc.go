// Package record defines what is kept of a run: steps, the log they form, the events and measurements decoded from it,
// and the header and the end of the run.
//
// A Step is one completion with everything that it caused, some 12 bytes when packed (AppendSteps; FORMAT-steps.md).
// Every reader of a log is built on a Walker; a Decoder turns steps into Events (FORMAT-events.md) and TaskMetrics. An
// engine reports all of it to a Recorder; an Adopter can also continue what another process has begun.
//
// It guarantees that a log decodes to the same events in every process, however it is divided into blocks, that causes
// precede effects, and that phases are never negative and never exceed the attempt. Decoding a step takes some 50 ns.
//
// Caveats: moments are nanoseconds since the start of the run on the store's clock, and clocks of several machines may
// disagree, so events are ordered by Seq and not by time. A Recorder must not keep its arguments: see there.
package record
