// Package submission makes graphs of what the Python package sends: a description of calls of Python functions, of the
// values that they read, and of fan-outs. FORMAT.md has its form.
//
// Decode accepts anything and refuses, with an error that names the node, what is not a graph: numbers of nodes that come
// later or lie in a fan-out that has ended, functions that are not listed, lists where only a value can be. Its memory is in
// proportion to the size of the description, and fan-outs nest at most 32 deep. What passes is built into tasks of
// engine/code, named module.function, so that everything that holds for those holds here.
//
// Costs: one pass over the nodes, and one constant for each call, which holds its arguments.
//
// Caveats: a graph executes what its functions do, so only who may execute code may submit one; this package does not ask.
// A function over whose result a fan-out runs has to return a list or a tuple, which only its call finds out.
package submission
