// Package client is the Go client of the REST API that package web serves: for commands that act on the runs of
// another service, and for programs that want the same. Answers have the types of package api, and what the service
// refuses is an *api.Problem that says what it expected.
//
// A call makes one request: what to do where the service is ErrUnreachable is up to the caller.
package client
