// Package webhook posts events of runs to an address: a run has failed, has been slow, or is late.
//
// A run has failed if it ended as failed or interrupted. It was slow if it succeeded and the judgement of its makespan
// among its peers says so, see metricsstore.Standing. It is late while it takes longer than its deadline, which is learnt from
// its peers, see Deadline: at most one in 50 runs of an unchanged workflow is called late. Each of the three happens at most
// once for each revision of a run.
//
// Guarantees: an event is delivered at least once. Events are kept in an Outbox before they are sent and until they are
// accepted, and events of runs that ended while no process with webhooks existed are found by the next one. A delivery that
// is repeated has the same ID. What is posted is signed over its time and body. Only the configured address gets anything:
// redirects are not followed.
//
// Costs: one look at the store each second, see package watch, and for each run that has ended one summary; for each run
// that begins, with the event late, the list of its peers. At most Config.Queue events wait, of some 1 KB each.
//
// Caveats: an event is dropped, which is counted and logged, if the queue is full, if the receiver refuses it with a status
// of 300 to 499 other than 408, 425 and 429, or if it was not accepted for Config.Patience. Two services with one outbox post
// each event twice, under the same ID.
package webhook
