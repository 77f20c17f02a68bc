// Package makeflow reads the log that Makeflow 4 to 8 of the Cooperative Computing Tools writes next to a workflow,
// NAME.makeflowlog, with the workflow itself, NAME.mf, if it is there.
//
// The log says when each node was submitted and ended, and the sizes of files. Which node has which rule, command and
// dependencies is in the workflow, whose rules are numbered in their order; a workflow with another number of rules than
// the log counts is not used. Newer logs name nodes and their parents themselves.
//
// A log that is continued has several runs, each a run here: nodes that were completed before it are cached in it. Runs
// that had nothing to do are left out. Makeflow writes COMPLETED for a run in which nodes failed as well, so whether one
// failed follows from its nodes. A file that is expected has a size of 1 GiB in the log, which is not read.
//
// Guarantees: each submission of a node is one attempt.
//
// Costs: all events are in memory until the runs are made.
//
// Caveats: the time from submission to start in a batch system is part of an attempt, because only one of the two is
// recorded. Rules in the language JX, and variables in rules other than plain assignments, are not understood.
package makeflow
