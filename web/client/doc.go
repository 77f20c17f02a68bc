// Package client is the Go client of the REST API that package web serves: for commands that act on the runs of another
// service, and for programs that want the same.
//
//	c, err := client.New(client.Config{URL: "http://127.0.0.1:8080/"})
//	if err != nil { … } // the URL is not one of a service
//	run, err := c.Submit(ctx, api.Submission{Workflow: "chain", Params: map[string]string{"k": "7"}})
//	if err != nil { … } // an *api.Problem says what was expected
//	for event, err := range c.Events(ctx, run.Run, 0) { … } // as they happen, until the run has ended
//
// Answers have the types of package api, and what the service refuses is an *api.Problem that says what it expected. A
// downloaded Archive holds everything that is kept of a run: metricsstore.ReadArchive reads it, and Archiver.Import puts
// it into any store, memory included, on which all queries of metricsstore work.
//
// A call makes one request, except for Events, which follows a run. What to do if the service is ErrUnreachable is up to
// the caller. Answers are held in memory as a whole, at most 64 MiB; Archive and Export stream.
package client
