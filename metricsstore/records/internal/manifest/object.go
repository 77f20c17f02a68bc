package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// Object is one object of a file.
type Object struct {
	APIVersion string
	Kind       string
	JSON       json.RawMessage
	// YAML: it was written so. A YAML file that is cut off can be a valid shorter one.
	YAML bool

	path string
	at   int64 // byte at which its JSON begins, -1 for YAML
}

// Decode puts the object into a value as encoding/json does. An error is a records.Fault.
func (o *Object) Decode(into any) error {
	if err := json.Unmarshal(o.JSON, into); err != nil {
		return o.Fault("%s", reason(err))
	}
	return nil
}

// Fault is a fault of the object.
func (o *Object) Fault(format string, args ...any) *records.Fault {
	return &records.Fault{Path: o.path, Byte: o.at, Text: fmt.Sprintf(format, args...)}
}

// Read reads the objects of a file.
func Read(f *records.File) ([]Object, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "the file is empty, expected an object"}
	}
	d := documents{path: f.Path}
	if trimmed[0] == '{' || trimmed[0] == '[' {
		err = d.json(text)
	} else {
		err = d.yaml(text)
	}
	return d.objects, err
}

// documents collects the objects of one file.
type documents struct {
	path    string
	objects []Object
}

// json reads JSON values that follow each other.
func (d *documents) json(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var value json.RawMessage
		switch err := decoder.Decode(&value); {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return &records.Fault{Path: d.path, Byte: int64(len(text)), Text: "the file ends in the middle of an object"}
		case err != nil:
			at := decoder.InputOffset()
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				at = syntax.Offset
			}
			return &records.Fault{Path: d.path, Byte: at, Text: reason(err)}
		}
		if err := d.add(Object{JSON: value, at: decoder.InputOffset() - int64(len(value))}, 0); err != nil {
			return err
		}
	}
}

// maxNesting is how deep lists in lists are taken apart.
const maxNesting = 4

// add takes lists apart and appends objects.
func (d *documents) add(o Object, nesting int) error {
	o.path = d.path
	if nesting > maxNesting {
		return o.Fault("lists are nested more than %d deep, expected objects", maxNesting)
	}
	if o.JSON[0] == '[' {
		var items []json.RawMessage
		if err := o.Decode(&items); err != nil {
			return err
		}
		return d.addAll(o, items, nesting)
	}
	var head struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if o.JSON[0] != '{' {
		return o.Fault("expected an object, found %.40s", o.JSON)
	}
	if err := o.Decode(&head); err != nil {
		return err
	}
	if head.Items != nil && (head.Kind == "" || strings.HasSuffix(head.Kind, "List")) {
		return d.addAll(o, head.Items, nesting)
	}
	o.APIVersion, o.Kind = head.APIVersion, head.Kind
	d.objects = append(d.objects, o)
	return nil
}

func (d *documents) addAll(list Object, items []json.RawMessage, nesting int) error {
	for _, item := range items {
		if err := d.add(Object{JSON: item, YAML: list.YAML, at: list.at}, nesting+1); err != nil {
			return err
		}
	}
	return nil
}

// reason is the text of an error without the words of the library about its own types.
func reason(err error) string {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("%s is a %s, expected %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return "not valid JSON: " + strings.TrimPrefix(err.Error(), "json: ")
}
