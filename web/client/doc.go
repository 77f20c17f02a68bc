// Package client is the Go client of the REST API that package web serves: for commands that act on the runs of a
// service elsewhere, and for programs that want the same. Answers have the types of package api, and what the service
// refuses is an *api.Problem that says what it expected.
//
// A call asks once: what to do where nobody answers, which is ErrUnreachable, is up to its caller.
package client
