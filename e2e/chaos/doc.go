// Package chaos kills, pauses and cuts off what takes part in runs, and then checks that nothing was lost.
//
// Its test runs random workflows on worker processes, which are this test binary started once more, plain ones and ones
// under a supervisor, over a real Redis and through proxies. From a seed it draws kills, pauses and partitions beyond the
// lease, restarts of Redis and replies that never arrive; one run in five is submitted by a process that ends at once, and
// one in five fails or is cancelled. Of each it then demands that it has ended, as it should, with the result of a
// sequential evaluation, that its log is a story which could have happened and folds to exactly the state that Redis
// had, and that nothing of it is left once it is deleted.
//
// The short form is a test like others and costs about 15 s. `make chaos` counts until its goals are reached, and prints
// how soon what a dead worker had claimed was claimed again, which takes leases as they are in production.
//
// Where a law is broken the test prints the seed, and keeps the log and the state of the run, what workers wrote, all that
// was done and when, and Redis' own files.
//
// Caveats: what happens when is drawn from the seed, what it meets is not: processes run concurrently. So a seed
// determines what is done, and the log of actions says when, but it need not fail a second time.
package chaos
