package goaction

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/elements"
)

// New returns the format of Go's action graphs.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "goaction" }
func (format) Title() string { return "Go action graph" }

// first is how the first action is written: fields come in the order of the struct of the go command.
var first = regexp.MustCompile(`^\s*\[\s*\{\s*"ID"\s*:\s*\d+\s*,\s*"Mode"\s*:\s*"`)

func (format) Sniff(_ string, head []byte) records.Part {
	if first.Match(head) && bytes.Contains(head, []byte(`"TimeReady"`)) {
		return records.Main
	}
	return records.Foreign
}

// action is one action as it is written.
type action struct {
	ID         int
	Mode       string
	Package    string
	Deps       []int
	IgnoreFail bool
	Objdir     string
	NeedBuild  bool
	ActionID   string
	BuildID    string
	TimeReady  time.Time
	TimeStart  time.Time
	TimeDone   time.Time
	Cmd        []string
	CmdReal    time.Duration
	CmdUser    time.Duration
	CmdSys     time.Duration
}

// ran reports whether commands were run for it.
func (a *action) ran() bool { return len(a.Cmd) > 0 }

// maxAction bounds the JSON of one action in bytes: commands of large packages name thousands of files.
const maxAction = 64 << 20

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) {
		actions, cut, err := readActions(ctx, f)
		if err != nil {
			return nil, err
		}
		r := newGraph(actions).run()
		if cut != nil {
			r.Incomplete = cut.Error()
		}
		return r, nil
	})
}

// readActions reads the actions of a file. cut says where it was cut off if some were read before.
func readActions(ctx context.Context, f *records.File) (actions []action, cut, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	in := elements.New(r, f.Path, maxAction, "")
	edges := 0
	for {
		part, err := in.Next()
		var early *elements.Cut
		switch {
		case errors.Is(err, io.EOF):
			if len(actions) == 0 {
				return nil, nil, fault(f, 0, "the graph is empty, expected at least one action")
			}
			return actions, nil, nil
		case errors.As(err, &early) && len(actions) > 0:
			return actions, early, nil
		case early != nil:
			return nil, nil, fault(f, early.Byte, "the file ends before the first action does")
		case err != nil:
			return nil, nil, err
		case part.Path != "#":
			if part.Kind == elements.Value {
				return nil, nil, fault(f, part.Offset, "expected an array of actions")
			}
			continue
		}
		var a action
		if err := json.Unmarshal(part.Raw, &a); err != nil {
			return nil, nil, fault(f, part.Offset, "expected an action with ID, Mode and moments: %v", err)
		}
		edges += len(a.Deps)
		if len(actions) == records.MaxTasks || edges > records.MaxEdges {
			return nil, nil, fmt.Errorf("%s: %w: expected at most %d actions with %d dependencies", f.Path, records.ErrTooLarge, records.MaxTasks, records.MaxEdges)
		}
		if actions = append(actions, a); ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
}

func fault(f *records.File, at int64, text string, args ...any) error {
	return &records.Fault{Path: f.Path, Byte: at, Text: fmt.Sprintf(text, args...)}
}
