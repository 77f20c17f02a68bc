// Package layout places the elements of a graph on a plane: tasks, and one box for each fan-out, in columns from left
// to right, in the manner of Sugiyama, Tagawa and Toda ("Methods for Visual Understanding of Hierarchical System
// Structures", IEEE SMC 11(2), 1981). Compute does this in Go; a Drawer lets Graphviz do it, or draw the graph, in a
// separate process.
//
// The steps of Compute, for each scope of a graph separately:
//
//   - Columns are the lengths of longest paths from the sources. Tasks of one function in one column then move right
//     together, if that shortens more edges than it lengthens, so that a late source is next to its reader.
//   - Edges over several columns get a bend in each column between (Sugiyama).
//   - The order within columns comes from barycentre sweeps to the right and to the left with exchanges of neighbours
//     (Gansner, Koutsofios, North, Vo: "A Technique for Drawing Directed Graphs", IEEE TSE 19(3), 1993, section 3),
//     from several starts and from the best order so far, disturbed; the best is kept. Crossings are counted with an
//     accumulator tree in O(E log V) (Barth, Jünger, Mutzel: "Simple and Efficient Bilayer Cross Counting", JGAA 8(2),
//     2004). Parts of a graph that no edge connects stay apart.
//   - Heights minimise the squares of what edges climb, bends weighing more (Gansner et al., section 4): each column
//     in turn is solved exactly, given its neighbours, as an isotonic regression by pooling adjacent violators (Ayer
//     et al., Annals of Mathematical Statistics 26(4), 1955). The side on which an element has more neighbours
//     prevails, so that it is in the middle of its inputs or readers. Then runs of bends, and chains, are made
//     straight where there is room, and parts are stacked.
//
// Guarantees: the result depends on the structure alone, that is on Graph.Hash: the same bytes each time and
// everywhere. Every edge leads from left to right, elements of a column never overlap, and a fan-out's box has a size
// that follows from its body and not from its width in a run, so that nothing moves when it expands.
//
// Costs: time is near linear in tasks, edges and bends, because the number of sweeps shrinks as they grow (see
// budgets in order.go and heights.go): at most a tenth of a second up to a thousand tasks, some two tenths for ten
// thousand, one or two seconds at the limits of the engine. Memory is about 150 bytes for each edge and bend.
//
// Caveats: the order is found by a heuristic and need not be optimal. Above 200,000 bends the longest edges get none:
// they are straight lines that pass over what lies between, and their Via is empty. Graphviz is asked for small graphs only.
package layout
