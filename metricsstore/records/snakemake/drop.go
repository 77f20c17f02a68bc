package snakemake

import (
	"encoding/json"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// drop is what was read from the files of a drop.
type drop struct {
	sheets     []*sheet // of logs and statistics
	outputs    []output // of metadata
	folder     string   // where the first metadata were
	incomplete string
	benchmarks []benchmarkFile
	graphs     []*graph
	notes      records.Notes
}

// benchmarkFile is a file of benchmarks: a line for each repetition of one job.
type benchmarkFile struct {
	path       string
	rows       []repetition
	incomplete string
	used       bool
}

// repetition is one line.
type repetition struct {
	length time.Duration // -1 if not recorded
	usage  *record.Usage
	log    string
}

// output is a record of metadata.
type output struct {
	path       string
	start, end records.Moment
	metadata
}

// metadata are the members of a record that are read.
type metadata struct {
	Rule       string          `json:"rule"`
	Input      []string        `json:"input"`
	Log        []string        `json:"log"`
	Shell      *string         `json:"shellcmd"`
	Incomplete bool            `json:"incomplete"`
	Start      json.RawMessage `json:"starttime"`
	End        json.RawMessage `json:"endtime"`
	Hash       json.RawMessage `json:"job_hash"`
	Conda      *string         `json:"conda_env"`
	Image      *string         `json:"container_img_url"`
}

// graph is the graph of --dag: jobs with their rules and those of their wildcards that no other job before them has.
type graph struct {
	nodes []vertex
	index map[string]int
	edges [][2]int
}

type vertex struct {
	rule      string
	wildcards []string // "name=value"
	dashed    bool     // it did not have to run when the graph was made
}

// maxLine bounds a line of a log, in bytes.
const maxLine = 4 << 20
