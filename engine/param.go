package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParamKind is the type of a workflow's parameter.
type ParamKind string

// Kinds of parameters.
const (
	IntParam      ParamKind = "int"
	FloatParam    ParamKind = "float"
	BoolParam     ParamKind = "bool"
	DurationParam ParamKind = "duration"
	TextParam     ParamKind = "text"
	ChoiceParam   ParamKind = "choice"
	FileParam     ParamKind = "file"
)

// Param describes one parameter, so that command lines, REST and forms can offer it.
type Param struct {
	Name    string    `json:"name"`
	Kind    ParamKind `json:"kind"`
	Help    string    `json:"help"`
	Default string    `json:"default,omitempty"` // as text; for a file: a description of what DefaultFile returns
	Min     float64   `json:"min,omitempty"`     // Min and Max hold where Max > Min; durations in seconds
	Max     float64   `json:"max,omitempty"`
	Choices []string  `json:"choices,omitempty"`
	// DefaultFile returns the content of a file parameter that is not set; nil makes the parameter required.
	DefaultFile func() (File, error) `json:"-"`
}

// File is a file's name and content. Only the submitter reads it from a disk; workers get the content.
type File struct {
	Name string
	Data []byte
}

// Hash is the SHA-256 of the content, in hex.
func (f File) Hash() string {
	sum := sha256.Sum256(f.Data)
	return hex.EncodeToString(sum[:])
}

// Args are checked arguments, by parameter.
type Args struct {
	text  map[string]string
	value map[string]any
}

func (p *Param) parse(text string, isSet bool, open func(name string) (File, error)) (any, error) {
	if p.Kind == FileParam {
		return p.file(text, isSet, open)
	}
	if !isSet {
		text = p.Default
	}
	switch p.Kind {
	case IntParam:
		v, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		return v, p.inRange(float64(v), text)
	case FloatParam:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || v != v {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return v, p.inRange(v, text)
	case BoolParam:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return v, nil
	case DurationParam:
		v, err := time.ParseDuration(text)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("%q is not a duration such as 10ms or 1.5s", text)
		}
		return v, p.inRange(v.Seconds(), text)
	case ChoiceParam:
		if !slices.Contains(p.Choices, text) {
			return nil, fmt.Errorf("%q is not one of %s", text, strings.Join(p.Choices, ", "))
		}
		return text, nil
	default:
		return text, nil
	}
}

func (p *Param) inRange(v float64, text string) error {
	if p.Max > p.Min && (v < p.Min || v > p.Max) {
		unit := ""
		if p.Kind == DurationParam {
			unit = " s"
		}
		return fmt.Errorf("%s is out of range, expected %g to %g%s", text, p.Min, p.Max, unit)
	}
	return nil
}

func (p *Param) file(name string, isSet bool, open func(name string) (File, error)) (any, error) {
	switch {
	case !isSet && p.DefaultFile == nil:
		return nil, fmt.Errorf("it is required, expected a file")
	case !isSet:
		return p.DefaultFile()
	case open == nil:
		return nil, fmt.Errorf("files have to be uploaded, %q is a path", name)
	default:
		return open(name)
	}
}

// Text returns the arguments as they were written, defaults included; files by name.
func (a Args) Text() map[string]string { return maps.Clone(a.text) }

// Sizes returns the size of each file in bytes, by parameter; nil without files.
func (a Args) Sizes() map[string]int64 {
	var sizes map[string]int64
	for name, v := range a.value {
		f, ok := v.(File)
		if !ok {
			continue
		}
		if sizes == nil {
			sizes = map[string]int64{}
		}
		sizes[name] = int64(len(f.Data))
	}
	return sizes
}

// Int is the value of an IntParam. Like its siblings it panics if the workflow has no such parameter of that kind.
func (a Args) Int(name string) int { return argument[int](a, name) }

// Float is the value of a FloatParam.
func (a Args) Float(name string) float64 { return argument[float64](a, name) }

// Bool is the value of a BoolParam.
func (a Args) Bool(name string) bool { return argument[bool](a, name) }

// Duration is the value of a DurationParam.
func (a Args) Duration(name string) time.Duration { return argument[time.Duration](a, name) }

// String is the value of a TextParam or ChoiceParam.
func (a Args) String(name string) string { return argument[string](a, name) }

// File is the value of a FileParam.
func (a Args) File(name string) File { return argument[File](a, name) }

func argument[T any](a Args, name string) T {
	v, ok := a.value[name].(T)
	if !ok {
		panic(fmt.Sprintf("engine: %q is not a parameter of this type", name))
	}
	return v
}
