package redis

import (
	"strconv"

	"github.com/dagscope/dagscope/engine"
)

// keyspace names keys. They are listed in FORMAT.md.
type keyspace string // the prefix

// run begins the names of all keys of a run. Its ID is their hash tag, so they lie on one master of a cluster.
func (p keyspace) run(id engine.RunID) string { return string(p) + "{" + string(id) + "}:" }

// wake begins the names of the lists that idle workers wait at; BLPOP needs them on one master.
func (p keyspace) wake() string { return string(p) + "{wake}:" }

// active and ended are the indexes of runs.
func (p keyspace) active() string { return string(p) + "{runs}:active" }
func (p keyspace) ended() string  { return string(p) + "{runs}:ended" }

// news is the channel of hints that a run has changed.
func (p keyspace) news() string { return string(p) + "news" }

// constant is where a value is kept that graphs share.
func (p keyspace) constant(hash string) string { return string(p) + "const:" + hash }

// output is where a large output is stored.
func output(run, key string) string { return run + "out:" + key }

// numbered is a key of one queue or session.
func numbered[N ~uint16 | ~uint32](run, name string, n N) string {
	return run + name + strconv.FormatUint(uint64(n), 10)
}
