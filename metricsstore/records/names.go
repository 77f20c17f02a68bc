package records

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// opaque are IDs that are made up by machines: hexadecimal numbers, UUIDs.
var opaque = regexp.MustCompile(`^[0-9a-fA-F-]{8,}$`)

// counted is what unique.Names adds to a name.
var counted = regexp.MustCompile(`^ \([0-9]+\)$`)

// taskNames are what people know each task by, empty where that is its function and a number; nil if that is so of all.
type taskNames []string

// of is the name of a task.
func (n taskNames) of(task int32) string {
	if n == nil {
		return ""
	}
	return n[task]
}

// chooseNames names tasks that have the given functions. Names differ: in place of one that several tasks have stands the
// ID if it contains the name, as that of a test contains its class, or else a number is added.
func chooseNames(tasks []Task, functions []string) taskNames {
	var names taskNames
	uses := map[string]int{}
	for i := range tasks {
		name := tasks[i].ownName(functions[i])
		if name == "" {
			continue
		}
		if names == nil {
			names = make(taskNames, len(tasks))
		}
		names[i] = name
		uses[name]++
	}
	taken := make(unique.Names, len(uses))
	for i, name := range names {
		if name == "" {
			continue
		}
		if id := record.TaskName(tasks[i].ID); uses[name] > 1 && strings.Contains(id, name) {
			name = id
		}
		names[i] = taken.ID(name)
	}
	return names
}

// ownName is the name of a task, if it says more than its function: what the tool displays, or its ID where people can
// read that, or what was executed. Tasks of a group are many and alike, so their IDs are numbers of some kind.
func (t *Task) ownName(function string) string {
	name := record.TaskName(t.Name)
	if name != "" && saysMore(name, function) {
		return name
	}
	if t.Group != None {
		return ""
	}
	id := record.TaskName(t.ID)
	switch {
	case name != "": // an ID that the reader has made of the name says no more
		if rest, ok := strings.CutPrefix(id, function); !ok || rest == "" || counted.MatchString(rest) {
			return ""
		}
		return id
	case strings.ContainsFunc(id, unicode.IsLetter) && !opaque.MatchString(id):
		name = id
	default:
		line, _, _ := strings.Cut(t.Command, "\n")
		name = record.TaskName(line)
	}
	if name == "" || !saysMore(name, function) {
		return ""
	}
	return name
}

// saysMore reports whether a name is not just the end of its function's, as that of a span without its service.
func saysMore(name, function string) bool {
	rest, isEnd := strings.CutSuffix(function, name)
	if !isEnd {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(rest)
	return rest != "" && (unicode.IsLetter(before) || unicode.IsDigit(before) || before == '_')
}
