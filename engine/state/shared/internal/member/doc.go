// Package member is the state of one process in one run that several processes share, as pure transitions: events of
// lanes, answers of the ledger and moments are arguments; drafts of commits, values to be stored and nodes for lanes are
// results. It knows no lock, clock, context, goroutine or back end; package shared has those and calls it under a lock.
//
// Events come in three kinds, each with a file: what a lane does with its node (completion.go), what the next commit
// reports (draft.go), and what its answer changes (answer.go). State holds what they share. Outputs are the values in
// memory and the way of each to the store, Nodes what is known about the nodes of the graph and of expanded fan-outs.
//
// It costs 48 bytes for each node and no allocation for one that needs none itself. Caveats: nothing here is safe for
// concurrent use, except where a method says so; a Node stays valid as long as its State.
package member
