// Package code accepts graphs of Python functions over HTTP: archives with the files of a project, each sent once and kept
// by its hash, and descriptions of graphs that run what is in them. The Python package dagscope is its client.
//
// Guarantees: whoever sends code can have this machine execute anything, so each request has to carry a key that was made
// for this as a bearer token; a cookie or the service's ordinary token does not do, and what a page of a browser sends is
// refused, of this site too. An archive is kept only if it has the hash it is sent under and can be unpacked: no links, no
// paths out of its folder, no more than code.MaxBundle bytes.
//
// Costs: an archive is unpacked once when it comes. Those that were used last stay in their folder, ArchiveBytes of them; a
// client sends one that has left again. The value that a run returned stays in memory for KeepFor after the end
// of the run, at most KeepBytes of all together, the oldest leaving first.
//
// Caveats: the values of runs do not survive a restart. The bound of archives holds after each that is sent, so a folder
// that several services share may exceed it by what they receive at the same time.
//
// The requests, below the API's path; bodies of errors are problems as those of the API:
//
//	HEAD, PUT  code/bundles/SHA256      asks for an archive, sends it (application/zip)
//	POST       code/runs                a description, as engine/submission/FORMAT.md has it; answers {"run", "page"}
//	GET        code/runs/RUN?wait=N     progress, and how the run ended; answers when it has, or after N seconds
//	GET        code/runs/RUN/result     the value: frames, each a length (8 bytes, little endian), a codec and its bytes;
//	                                    Dagscope-Result is value for one, list for the elements of a list
package code
