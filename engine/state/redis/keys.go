package redis

import (
	"strconv"

	"github.com/dagscope/dagscope/engine/record"
)

// keyspace names keys. The keys are listed in FORMAT.md.
type keyspace string // the prefix

// run is the prefix of all keys of a run. The run's ID is their hash tag, so they are on one master of a cluster.
func (p keyspace) run(id record.RunID) string { return string(p) + "{" + string(id) + "}:" }

// wake is the prefix of the lists on which idle workers wait; BLPOP needs all of them on one master.
func (p keyspace) wake() string { return string(p) + "{wake}:" }

// active and ended are the indexes of runs: sorted sets whose scores are milliseconds since 1970.
func (p keyspace) active() string { return string(p) + "{runs}:active" }
func (p keyspace) ended() string  { return string(p) + "{runs}:ended" }

// news is the channel on which changes of runs are published.
func (p keyspace) news() string { return string(p) + "news" }

// constant is the key of a value that graphs share, by the hash of the value.
func (p keyspace) constant(hash string) string { return string(p) + "const:" + hash }

// output is the key of a stored output.
func output(run, key string) string { return run + "out:" + key }

// numbered is a key of one queue or session, by number.
func numbered[N ~uint16 | ~uint32](run, name string, n N) string {
	return run + name + strconv.FormatUint(uint64(n), 10)
}
