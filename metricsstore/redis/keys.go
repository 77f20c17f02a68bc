package redis

import (
	"strings"

	"github.com/dagscope/dagscope/engine/record"
)

// Parts of a run, each a key, see FORMAT.md. The names are stored; a change of what they hold is a new formatVersion.
const (
	runPart        = "run"        // hash: what is known of the run as a whole
	headsPart      = "heads"      // sorted set: First and Last of the blocks, 8 bytes each
	blocksPart     = "blocks"     // hash: First → Block.AppendValue
	detailsPart    = "details"    // sorted set: DetailKey, data
	workersPart    = "workers"    // hash: Revision, Worker → Rank, data
	rollupsPart    = "rollups"    // hash: RollupKey → data
	namesPart      = "names"      // set: names of attachments
	attachmentPart = "attachment" // and the name: string
	fencePart      = "fence"      // string: the greatest ticket that is refused
	stagedPart     = "staged"     // and a token: what a call under way will need
	asidePart      = "aside"      // and a moment, a part: what it was before a repair
)

// Fields of runPart.
const (
	versionField     = "version"     // a random text, another one with each change of the fields up to leaseField
	headerField      = "header"      // Header as JSON
	annotationField  = "annotation"  // Annotation as JSON
	leaseField       = "lease"       // Lease as JSON; empty for none
	incarnationField = "incarnation" // the ticket that the run was made with
	parcelField      = "parcel"      // token of rows that are kept and not yet where they belong
	stepsField       = "steps"       // how many steps the blocks have
	lastField        = "last"        // the last of them, 8 bytes
	detailsField     = "details"     // how many details there are
	logField         = "log"         // bytes of the blocks' data
	digestsField     = "digests"     // bytes of the roll-ups' data
	bytesField       = "bytes"       // bytes of details, worker rows and attachments
	faultsField      = "faults"      // what the run is known to have lost: a list of Fault as JSON
)

// formatVersion is kept in a new store; one of a greater version is refused.
const formatVersion = 2

// keyspace is the prefix of all keys of a store.
type keyspace string

// key is a key of a run. All of them have the same hash tag, so they are on one server.
func (p keyspace) key(run record.RunID, part ...string) string {
	return p.runTag() + string(run) + "}:" + strings.Join(part, ":")
}

// runTag is what the hash tag of every run begins with.
func (p keyspace) runTag() string { return "{" + string(p) + "m:" }

// keys are several keys of a run.
func (p keyspace) keys(run record.RunID, parts ...string) []string {
	out := make([]string, len(parts))
	for i, part := range parts {
		out[i] = p.key(run, part)
	}
	return out
}

// index is a key of what spans runs: its hash tag is that of a run without a name. It is elsewhere than most runs.
func (p keyspace) index(part string) string { return p.key("", part) }

// Parts of the index.
const (
	runsIndex    = "runs"    // sorted set: Position of every run, and of some that do not exist
	rollupsIndex = "rollups" // sorted set: RollupKey of every roll-up, and of some that do not exist
	ticketIndex  = "ticket"  // string: the ticket drawn last
	ticketsIndex = "tickets" // hash: run → the latest ticket that was drawn for it
	formatIndex  = "format"  // string: formatVersion

	// The history, see history.go. An entry is the day of a run's start and its name.
	daysIndex     = "days"     // hash: day → its version
	knownIndex    = "known"    // sorted set: entries of runs that have had roll-ups
	looseIndex    = "loose"    // sorted set: entries of those whose roll-ups are not merged
	stubbornIndex = "stubborn" // sorted set: entries of those whose roll-ups cannot be merged
	groupsIndex   = "groups"   // set: what rows of merged begin with: kind and metric
	mergedIndex   = "merged"   // sorted set: group, day, and the rest of a merged roll-up

	newsIndex = "changed" // channel: sender, a space, the run that has changed
)

// isTemporary reports whether a part of a run expires by itself.
func isTemporary(part string) bool {
	return part == fencePart || strings.HasPrefix(part, stagedPart+":") || strings.HasPrefix(part, asidePart+":")
}
