// Package normal judges whether a run and its functions took as long as usual, which of its tasks were outliers, and
// since when runs of a workflow take another time than before.
//
// False alarms are bounded, and the tests measure them. A function is called slow such that in at most 2 % of runs of
// an unchanged workflow any function is, however many functions there are and whatever they have in common; a change
// is reported such that in at most 2 % of unchanged histories any is. Both compare one number for each run, the median
// of a function's tasks, because the tasks of one run share its machine and its moment: tests that pool the tasks of
// many runs call most runs slow. Every figure says how many values it is of; where they are too few, how many it needs.
//
// A judgement reads the roll-ups of at most metricsstore.MaxPeers runs. Outliers read the logs of the latest of them, up
// to MaxOutlierTasks attempts. Changes read the roll-ups of at most MaxTrendRuns runs and shuffle them some thousand
// times, about half a second for twelve functions that all changed.
//
// Caveats: a task beyond the 99th percentile is no fault; one in a hundred is, and the answer has how many chance alone
// would give. With 25 to 48 peers the bound of false alarms rests on tails that are no heavier than those of Pareto
// distributions; from 49 on it needs no such assumption. A change is where runs differ, not why: what came with it is
// listed, and may be innocent.
package normal
