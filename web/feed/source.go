package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Source is a kind of records that arrive in parts.
type Source struct {
	// Record is what one is called, Records several, Parts what they consist of, and Root what ends last: "trace", "traces",
	// "spans", "the root of the trace".
	Record, Records, Parts, Root string
	// System is that of the runs, and Format reads the lines of a record as if they were a file.
	// File is what that file is called: a word that says nothing about the run, which may be named after it.
	System string
	Format records.Format
	File   string
	// Read returns the key of the record that a line of the journal is of, and how many parts it has; empty if it is none. A
	// key has at most maxKey bytes, and no line break.
	Read func(line []byte) (key string, parts int)
	// KeyOf returns the key of the record that a run was made of, by the parameters of the run.
	KeyOf func(params map[string]string) string
	// Least is how many parts a record needs to be a run.
	Least int
}

// Line is what a request has of one record.
type Line struct {
	Key   string
	Text  []byte // JSON without line breaks, and one at its end
	Parts int
}

// fileName is a name for the file of a record: its key, unless that has other characters than names of files have.
func fileName(key string) string {
	if strings.Trim(key, "0123456789abcdefABCDEF-") == "" {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}
