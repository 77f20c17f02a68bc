// Package protocol defines how the state of a run changes: State.Apply takes one operation and gives the reply and
// the steps for the log. It is the definition that every store of run state is held to; STATES.md draws it.
//
// It guarantees to be a function of state and operation alone: time, tokens and the choice among ready nodes are
// fields of the operation. An operation that is refused or stale changes nothing. State is plain data that can be
// cloned, compared by Key and checked by Check, so all that can happen to a small graph can be explored.
//
// Caveats: it is written to be read, not to be fast. A completion costs time linear in the edges it touches and a
// join looks at all it waited for. A State belongs to one goroutine at a time.
package protocol
