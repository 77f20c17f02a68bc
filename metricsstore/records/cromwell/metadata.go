package cromwell

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// metadata is of a workflow or of a sub-workflow.
type metadata struct {
	ID              string             `json:"id"`
	WorkflowName    string             `json:"workflowName"`
	Status          string             `json:"status"`
	Submission      string             `json:"submission"`
	Start           string             `json:"start"`
	End             string             `json:"end"`
	Failures        failures           `json:"failures"`
	Calls           map[string][]*call `json:"calls"`
	WorkflowRoot    string             `json:"workflowRoot"`
	Language        string             `json:"actualWorkflowLanguage"`
	LanguageVersion string             `json:"actualWorkflowLanguageVersion"`
	Message         string             `json:"message"` // of an answer that is an error
}

// call is one attempt of one shard of a call.
type call struct {
	ExecutionStatus  string                     `json:"executionStatus"`
	BackendStatus    string                     `json:"backendStatus"`
	Backend          string                     `json:"backend"`
	JobID            any                        `json:"jobId"`
	ShardIndex       int                        `json:"shardIndex"`
	Attempt          int                        `json:"attempt"`
	Start            string                     `json:"start"`
	End              string                     `json:"end"`
	ReturnCode       *int                       `json:"returnCode"`
	CommandLine      string                     `json:"commandLine"`
	Stderr           string                     `json:"stderr"`
	Failures         failures                   `json:"failures"`
	RetryableFailure bool                       `json:"retryableFailure"`
	CallCaching      caching                    `json:"callCaching"`
	Events           []event                    `json:"executionEvents"`
	Attributes       map[string]json.RawMessage `json:"runtimeAttributes"`
	Inputs           json.RawMessage            `json:"inputs"`
	Outputs          json.RawMessage            `json:"outputs"`
	SubID            string                     `json:"subWorkflowId"`
	Sub              *metadata                  `json:"subWorkflowMetadata"`
}

type caching struct {
	Hit    bool   `json:"hit"`
	Result string `json:"result"`
}

// event is what a call was doing for some time.
type event struct {
	Description string `json:"description"`
	Start       string `json:"startTime"`
	End         string `json:"endTime"`
}

// failures are causes of causes, the innermost of which say what went wrong.
type failures []struct {
	Message  string   `json:"message"`
	CausedBy failures `json:"causedBy"`
}

// text joins the messages, each one once.
func (f failures) text() string {
	var all []string
	var walk func(failures)
	size := 0
	walk = func(f failures) {
		for _, one := range f {
			if one.Message != "" && size < records.MaxText && !slices.Contains(all, one.Message) {
				all = append(all, one.Message)
				size += len(one.Message)
			}
			walk(one.CausedBy)
		}
	}
	walk(f)
	return short(strings.Join(all, "\n"))
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}

// at reads a moment, which has an offset.
func at(text string) records.Moment {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return records.Unknown
	}
	return records.At(t)
}

// span is an event with moments.
type span struct {
	name       string
	start, end records.Moment
}

// spans are the events of a call in the order of their starts.
func (c *call) spans() []span {
	all := make([]span, 0, len(c.Events))
	for _, e := range c.Events {
		all = append(all, span{e.Description, at(e.Start), at(e.End)})
	}
	slices.SortStableFunc(all, func(a, b span) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	return all
}

// paths are the texts in a JSON value that can be paths of files.
func paths(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	var all []string
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			if strings.Contains(v, "/") {
				all = append(all, v)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(value)
	slices.Sort(all)
	return slices.Compact(all)
}
