package nextflow

import (
	"bytes"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// kind is what a file contains.
type kind uint8

const (
	foreign kind = iota
	table
	tower
	weblog
	report
	dot
	mermaid
)

var (
	dotNode     = regexp.MustCompile(`(?m)^\s*[pv]\d+ \[(shape=(point|circle|none)|label=")`)
	mermaidNode = regexp.MustCompile(`(?m)^\s*v\d+(\(\[|\(\(|\[")`)
)

func kindOf(head []byte) kind {
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0:
		return foreign
	case text[0] == '{' || text[0] == '[':
		return kindOfJSON(text)
	case reportTitle.Match(text):
		return report
	case bytes.HasPrefix(text, []byte("digraph")):
		if dotNode.Match(text) {
			return dot
		}
	case bytes.Contains(text, []byte("flowchart ")):
		if mermaidNode.Match(text) {
			return mermaid
		}
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if isHeader(splitRow(string(line))) {
		return table
	}
	return foreign
}

func kindOfJSON(text []byte) kind {
	has := func(names ...string) bool { return document.Names(text, names...) }
	switch {
	case has("runId", "runName", "event", "utcTime"):
		return weblog
	case has("tasks", "taskId", "hash", "status", "process", "submit"):
		return tower
	}
	return foreign
}
