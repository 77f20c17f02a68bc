// Package cwlprov reads the provenance that cwltool 3 writes with --provenance as PROV-JSON, such as
// metadata/provenance/primary.cwlprov.json, with the files of nested workflows if they are in the drop.
//
// Recorded are the processes of a workflow with their starts and ends, and what they used and generated, from which
// dependencies follow, over members of collections as well. Contents are not compared, because different files often
// have the same content. A nested workflow whose own file is there is replaced by its processes; what those do not use
// themselves is waited for by all of them that wait for nothing else in it.
//
// Whether a process succeeded and its command are not in it, but in the standard error of cwltool, which may be in the
// drop next to the provenance of one run. Without it, processes that ended are taken as succeeded, and a note says so.
//
// Guarantees: each process is in one run once.
//
// Costs: all documents are decoded as a whole.
//
// Caveats: moments are local time without a zone and are read as UTC. A file that is cut off is refused.
package cwlprov
