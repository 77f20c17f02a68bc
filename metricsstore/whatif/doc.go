// Package whatif answers what the makespan of a kept run would have been under other conditions: more slots or fewer,
// more workers, a function that is faster, transfers that take less time, no retries, no queues. It makes a model of the
// run's log, has engine/plan/simulate execute it, and also says which functions the makespan is sensitive to and how it
// depends on the number of slots.
//
// It guarantees that no answer comes without its error: the unchanged run is simulated as well, and how far that is from
// what happened bounds every other number. What is assumed or left out is in the notes of the answer. Equal questions
// about equal logs have equal answers.
//
// An answer reads the log once and simulates some 40 times: about a second for 100,000 tasks.
//
// Caveats: only what was recorded is known. A task that did not start although a slot was idle is taken to have been
// held up by something else, which stays as it was; of runs of other tools, whose rules are not known, tasks start in the
// recorded order. Tasks that share a processor slow each other down, and an answer with more slots takes them to have
// processors of their own. What clustering and delayed output have spared a run cannot be asked for: transfers that were
// avoided are not recorded, so what they would have taken is not known.
package whatif
