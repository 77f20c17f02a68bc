package cwlprov

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// several are the values of one name: PROV-JSON writes one as itself and more as a list.
type several[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (s *several[T]) UnmarshalJSON(raw []byte) error {
	if raw[0] == '[' {
		return json.Unmarshal(raw, (*[]T)(s))
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*s = several[T]{one}
	return nil
}

// word is a text, or an object with a text and its type.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(raw []byte) error {
	var text string
	var typed struct {
		Value json.RawMessage `json:"$"`
	}
	if json.Unmarshal(raw, &text) == nil || json.Unmarshal(raw, &typed) == nil && json.Unmarshal(typed.Value, &text) == nil {
		*w = word(text)
	}
	return nil
}

// thing is an activity, entity or agent.
type thing struct {
	Type  several[word] `json:"prov:type"`
	Label several[word] `json:"prov:label"`
	Start word          `json:"prov:startTime"`
	End   word          `json:"prov:endTime"`
}

func (t thing) is(kind string) bool {
	for _, k := range t.Type {
		if string(k) == kind {
			return true
		}
	}
	return false
}

// relation is a relation between two things; each kind has some of the fields.
type relation struct {
	Activity   word `json:"prov:activity"`
	Starter    word `json:"prov:starter"`
	Entity     word `json:"prov:entity"`
	Collection word `json:"prov:collection"`
	Plan       word `json:"prov:plan"`
	Time       word `json:"prov:time"`
}

type relations map[string]several[relation]

// document is one file.
type document struct {
	Prefix     map[string]string         `json:"prefix"`
	Agents     map[string]several[thing] `json:"agent"`
	Activities map[string]several[thing] `json:"activity"`
	Entities   map[string]several[thing] `json:"entity"`
	Started    relations                 `json:"wasStartedBy"`
	Ended      relations                 `json:"wasEndedBy"`
	Associated relations                 `json:"wasAssociatedWith"`
	Used       relations                 `json:"used"`
	Generated  relations                 `json:"wasGeneratedBy"`
	Members    relations                 `json:"hadMember"`

	path string
	root string // the workflow that the file is about
}

func readDocument(f *records.File) (*document, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	d := &document{path: f.Path}
	if err := json.Unmarshal(content, d); err != nil {
		fault := &records.Fault{Path: f.Path, Byte: int64(len(content)), Text: err.Error() + ", expected one object of PROV-JSON"}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			fault.Byte = syntax.Offset
		}
		return nil, fault
	}
	if d.root = d.findRoot(); d.root == "" {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no activity of the type wfprov:WorkflowRun, expected the run of a workflow"}
	}
	if n := len(d.Activities); n > records.MaxTasks {
		return nil, fmt.Errorf("%s: %w: it has %d activities", f.Path, records.ErrTooLarge, n)
	}
	return d, nil
}

// findRoot is the run of a workflow that no other run in the file has started; the first in order if there are several.
func (d *document) findRoot() string {
	inner := map[string]bool{}
	for _, all := range d.Started {
		for _, s := range all {
			if _, ok := d.Activities[string(s.Starter)]; ok && s.Starter != s.Activity {
				inner[string(s.Activity)] = true
			}
		}
	}
	root := ""
	for id, all := range d.Activities {
		for _, a := range all {
			if a.is("wfprov:WorkflowRun") && !inner[id] && (root == "" || id < root) {
				root = id
			}
		}
	}
	return root
}

// moment reads a stamp; zone reports that it has one.
func moment(text word) (m records.Moment, zone bool) {
	if t, err := time.Parse("2006-01-02T15:04:05.999999999", string(text)); err == nil {
		return records.At(t), false
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return records.Unknown, true
	}
	return records.At(t), true
}
