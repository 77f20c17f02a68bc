package turborepo

import (
	"bytes"
	"context"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// New returns the format of Turborepo's run summaries.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "turborepo" }
func (format) Title() string { return "Turborepo run summary" }

// first is how a summary begins.
var first = regexp.MustCompile(`^\s*\{\s*"id"\s*:\s*"`)

func (format) Sniff(_ string, head []byte) records.Part {
	if first.Match(head) && bytes.Contains(head, []byte(`"turboVersion"`)) {
		return records.Main
	}
	return records.Foreign
}

// summary is a run summary.
type summary struct {
	ID           string     `json:"id"`
	TurboVersion string     `json:"turboVersion"`
	Execution    *execution `json:"execution"`
	Tasks        []task     `json:"tasks"`
	SCM          struct {
		SHA    string `json:"sha"`
		Branch string `json:"branch"`
	} `json:"scm"`
}

// execution is what is said about the run as a whole.
type execution struct {
	Command   string `json:"command"`
	Success   int    `json:"success"`
	Failed    int    `json:"failed"`
	Cached    int    `json:"cached"`
	Attempted int    `json:"attempted"`
	StartTime int64  `json:"startTime"`
	EndTime   int64  `json:"endTime"`
	ExitCode  int    `json:"exitCode"`
}

// task is one task of a summary.
type task struct {
	TaskID       string   `json:"taskId"`
	Task         string   `json:"task"`
	Hash         string   `json:"hash"`
	Command      string   `json:"command"`
	CLIArguments []string `json:"cliArguments"`
	Dependencies []string `json:"dependencies"`
	Dependents   []string `json:"dependents"`
	Cache        cache    `json:"cache"`
	Execution    *timing  `json:"execution"`
}

type cache struct {
	Status    string `json:"status"`
	Source    string `json:"source"`
	TimeSaved int64  `json:"timeSaved"`
}

// timing is when a task ran. The exit code is null where there is none.
type timing struct {
	StartTime int64  `json:"startTime"`
	EndTime   int64  `json:"endTime"`
	Error     string `json:"error"`
	ExitCode  *int   `json:"exitCode"`
	Status    string `json:"status"`
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) {
		var s summary
		if err := document.Read(f, &s, "a run summary of Turborepo"); err != nil {
			return nil, err
		}
		if s.Execution == nil {
			return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "nothing ran: expected a run summary with execution, this is a dry run"}
		}
		return s.run(f)
	})
}
