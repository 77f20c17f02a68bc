// Package feed receives records of other tools while they happen, in parts, and makes runs of them by the same pipeline as a
// file of the same parts would be. A Source says what a kind of records is. Messages are the sources that send messages: POST
// /feeds/nextflow, for Nextflow's -with-weblog, and POST /feeds/snakemake, for the plugin that the package of that format
// has. Traces of OpenTelemetry have a package of their own, web/otlp, as their protocol has.
//
// Guarantees: a part is acknowledged when it is on disk in the journal, so neither a kill nor a loss of power loses it.
// What is sent again, or late, changes nothing twice. A run is listed as running a fraction of a second after its first
// parts, and made again as more arrive; a page that shows it follows. It ends when the record says so, or as interrupted
// when nothing came for Config.Quiet. Requests that exceed what the journal may hold get 429 with Retry-After, and what
// cannot be added to an old record any more is rejected in the answer, never dropped silently. A record that makes the
// program panic is set aside and takes no other one down.
//
// Costs: one write and one share of an fsync for each request, about 200 bytes of memory for each record and 24 for each
// line of it while it is in the journal, and one pass over all lines of a record each time its run is made again, of which
// at most half of the time is spent. At a start the journal is read, and each of its runs is compared with what is kept.
// FORMAT.md has the form of the journal.
//
// Caveats: the more parts a record has, the later they are seen. A run that a person deletes within an hour after its last
// part comes back when the service is started again. Nextflow sends each message once, so what it sends while the service
// is down is missing: tasks whose last message came are whole nevertheless. Its messages have parameters and environments of
// the pipeline, which may be secrets; the journal keeps them as they are, readable by the owner of the folder only.
package feed
