// Package dag has the graphs of runs: immutable, in compressed sparse rows, with fan-outs as templates that expand while
// a run executes.
//
// A Builder collects untyped references and compiles them; package engine puts types around it. A Numbering gives every
// task, expansion and join of one run its NodeID, in the same order in every process. A graph can be sent to another
// process (Graph.AppendGraph, DecodeGraph; FORMAT-graph.md): each process executes the functions that it has
// (Graph.Runs), gets the outputs that its tasks need (Graph.Reads, Graph.OutputType), and expands any fan-out. Its
// structure alone (Graph.AppendShape, DecodeShape; FORMAT-shape.md) is enough to draw, name and replay a run.
//
// It guarantees that graphs of equal Hash have equal numbering and task identities, and that no encoding, however
// malformed, takes memory out of proportion to its size. A task takes less than 300 bytes; no reflection runs between
// two tasks, except in a decoded graph, where it assembles maps, and lists whose type is neither input nor output of a
// function of this process.
//
// Caveats: a Builder is not safe for concurrent use. Equal constants of a decoded graph are one value, so no caller may
// modify what Graph.Args returns. A Numbering has one writer at a time.
package dag
