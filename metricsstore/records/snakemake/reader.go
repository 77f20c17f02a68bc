package snakemake

import "github.com/dagscope/dagscope/metricsstore/records"

// logReader reads a log, line by line, or messages.
type logReader struct {
	d       *drop
	plugin  bool // whether it reads messages
	path    string
	number  int // of the line that is read
	s       *sheet
	ends    []*sheet
	at      records.Moment // of the last stamp
	block   *block
	planned map[string]int
	rules   []string // of planned, in order
	table   bool     // in the table of planned jobs
	header  bool     // in the facts that newer versions print first
	open    map[string]bool
	failed  *records.Failure
	group   *group // that was announced last
	failing *failedGroup
	sink    *string // to which lines belong that are no messages of their own: the command of a job, or an error
	done    progress
}

// progress is how far a run has come.
type progress struct {
	all, failed, cancelled, complete, dry, nothing bool
	lines                                          int
}

// block is what the log says about the start or failure of a job, in several lines.
type block struct {
	what    change
	rule    string
	indent  int // of its first line
	fields  map[string]string
	message string
	shell   []string
	inShell bool
}

type change uint8

const (
	starts change = iota
	fails
)

// failedGroup is the error of a group while its jobs are listed.
type failedGroup struct {
	name    string
	message *records.Failure
}
