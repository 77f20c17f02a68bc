package spark

import (
	"strings"
	"unicode/utf8"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// texts keeps the strings of a run: many tasks have equal ones, and those that differ share few large allocations.
type texts struct {
	known     map[string]string
	knownSize int
	block     strings.Builder
}

const (
	knownBytes = 2 << 20  // of texts that are remembered at a time, to find equal ones
	knownExtra = 64       // what remembering costs for each of them, about
	textBlock  = 64 << 10 // bytes that are allocated at once
	ownBlock   = 512      // texts of this length are allocated by themselves
)

// keep returns text as a string of valid UTF-8, cut to records.MaxText.
func (t *texts) keep(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > records.MaxText || !utf8.Valid(text) {
		text = []byte(bounded.Text(string(text)))
	}
	if s, ok := t.known[string(text)]; ok {
		return s
	}
	s := t.copied(text)
	if t.knownSize += len(s) + knownExtra; t.known == nil || t.knownSize > knownBytes {
		t.known, t.knownSize = map[string]string{}, len(s)+knownExtra
	}
	t.known[s] = s
	return s
}

// copied appends text to the block. A block never grows, so strings that were cut from it stay where they are.
func (t *texts) copied(text []byte) string {
	if len(text) >= ownBlock {
		return string(text)
	}
	if t.block.Cap()-t.block.Len() < len(text) {
		t.block = strings.Builder{}
		t.block.Grow(textBlock)
	}
	begin := t.block.Len()
	t.block.Write(text)
	return t.block.String()[begin:]
}
