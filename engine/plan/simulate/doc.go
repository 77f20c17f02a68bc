// Package simulate executes the recorded durations of a run once more, by the rules of the engine and under other
// conditions: more lanes or fewer, functions that are faster, transfers that take less time, no retries, no queues.
// It is a discrete-event simulation, as in Law, Simulation Modeling and Analysis, chapter 1: the clock jumps from one
// end of an attempt to the next.
//
// It guarantees that equal models and conditions have equal results, that no lane executes two attempts at a time, that
// no attempt begins before what its task waits for is over, and that no lane is idle while a task is in a queue. All
// times are whole nanoseconds from the first moment at which a task could be claimed.
//
// A simulation takes time in proportion to n log n for n attempts, about what a heap sort of n moments takes, plus that
// for the edges. A Simulator allocates when it is made and when queues grow, not for each task, so it is worth keeping
// for many questions about one run.
//
// Caveats: a duration is taken as it was recorded, though tasks that share a processor, a disk or a network slow each
// other down. More lanes on the same machine are therefore simulated as if they came with processors of their own.
// Which lane claims first is a race in reality and fixed here, so a simulation of what happened also differs from it;
// how much is for the caller to measure, and to state next to each answer. Placement by size of inputs is not simulated.
package simulate
