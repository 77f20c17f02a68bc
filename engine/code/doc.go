// Package code runs tasks whose bodies are not compiled into this program: commands, scripts and functions of Python.
//
// What such a task does is data, a Task: a constant of the graph like any other, next to the Bundle of files and
// environments that it needs. So a graph carries everything that a worker has to have to call its tasks, and no worker has
// to know a workflow beforehand. A Runner makes an engine function of each Signature that tasks of this package have, and
// executes them: commands by engine/process, functions of Python by engine/python, in environments that engine/environment
// prepares before the first task is claimed.
//
// A value is a Value: JSON's values, bytes, arrays, and files as maps. Text of a task has holes that are filled from the
// values of earlier tasks.
//
// It guarantees that each attempt of a command has a working folder of its own, that nothing of it is left behind, and that a
// Runner with a secret executes nothing that was not signed with it (Sign).
//
// Caveats: the files of a bundle travel with each graph, up to MaxBundle bytes. A signature covers what a task does and its
// bundle, not the values that other tasks give it: who can write into the store can call signed tasks with other values.
package code
