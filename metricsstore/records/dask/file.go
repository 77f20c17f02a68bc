package dask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// maxValue is how large a task or the dependencies may be, in bytes.
const maxValue = 1 << 30

// stream is what one file contains.
type stream struct {
	head
	entries      []entry
	dependencies map[string][]string
	workers      map[string]workerInfo
	returned     map[string]int64
	blamed       map[string]string
	cut          string // why it ends too early, empty if it does not
}

// head is what a file of the snippet says about the run.
type head struct {
	ID      string
	Name    string
	Dask    string
	Seconds float64
}

type workerInfo struct {
	Name    string `json:"name"`
	Host    string `json:"host"`
	Threads int    `json:"nthreads"`
}

// readFile reads a list of tasks, or the object of the snippet.
func readFile(ctx context.Context, f *records.File) (*stream, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := &stream{}
	parts := elements.New(r, f.Path, maxValue, "", "tasks")
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, err := parts.Next()
		if cut := (*elements.Cut)(nil); errors.As(err, &cut) {
			s.cut = fmt.Sprintf("the file ends at byte %d, before the end of its list", cut.Byte)
			return s, nil
		}
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		if part.Kind != elements.Value {
			continue
		}
		if err := s.read(part); err != nil {
			return nil, fault(f, part, err)
		}
	}
}

// read takes one value of the file.
func (s *stream) read(part elements.Part) error {
	switch part.Path {
	case "#", "tasks.#":
		var e entry
		if err := json.Unmarshal(part.Raw, &e); err != nil {
			return err
		}
		if e.Key == "" || e.Key == "null" {
			return errors.New("a task has no key")
		}
		if len(s.entries) >= records.MaxTasks {
			return fmt.Errorf("%w: more than %d tasks", records.ErrTooLarge, records.MaxTasks)
		}
		s.entries = append(s.entries, e)
		return nil
	case "dependencies":
		return json.Unmarshal(part.Raw, &s.dependencies)
	case "workers":
		return json.Unmarshal(part.Raw, &s.workers)
	case "returned":
		return json.Unmarshal(part.Raw, &s.returned)
	case "blamed":
		return json.Unmarshal(part.Raw, &s.blamed)
	case "id":
		return json.Unmarshal(part.Raw, &s.ID)
	case "name":
		return json.Unmarshal(part.Raw, &s.Name)
	case "dask":
		return json.Unmarshal(part.Raw, &s.Dask)
	case "seconds":
		return json.Unmarshal(part.Raw, &s.Seconds)
	}
	return nil
}

// fault says where a value is that is not as expected.
func fault(f *records.File, part elements.Part, err error) error {
	if errors.Is(err, records.ErrTooLarge) {
		return err
	}
	text := err.Error()
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		text = fmt.Sprintf("%s is a %s, expected %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return &records.Fault{Path: f.Path, Byte: part.Offset, Text: part.Path + ": " + text}
}
