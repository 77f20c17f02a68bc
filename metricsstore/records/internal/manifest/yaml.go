package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// MaxYAML is the largest number of bytes of a YAML file that is read.
const MaxYAML = 8 << 20

// maxIndent is how deep collections of YAML may be nested: the library calls itself for each level.
const maxIndent = 200

// yaml reads the documents of a YAML file.
func (d *documents) yaml(text []byte) (err error) {
	if len(text) > MaxYAML {
		return fmt.Errorf("%w: YAML of %d bytes, expected at most %d; write it as JSON", records.ErrTooLarge, len(text), MaxYAML)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return &records.Fault{Path: d.path, Byte: int64(bytes.IndexByte(text, 0)), Text: "a zero byte, expected YAML or JSON"}
	}
	// The library panics on some texts that are no YAML.
	defer func() {
		if p := recover(); p != nil {
			err = &records.Fault{Path: d.path, Byte: -1, Text: "not valid YAML"}
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if err := d.check(tokens); err != nil {
		return err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return d.fault(err)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		if err := d.document(doc); err != nil {
			return err
		}
	}
	if len(d.objects) == 0 {
		return &records.Fault{Path: d.path, Byte: -1, Text: "the file has no object"}
	}
	return nil
}

// check refuses what can stand for more text than the file has, and what is nested too deep.
func (d *documents) check(tokens token.Tokens) error {
	flow, marks, line := 0, 0, 0 // open brackets; dashes and question marks in this line
	var l load
	for _, t := range tokens {
		if t.Position.Line != line {
			marks, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return &records.Fault{Path: d.path, Line: line, Byte: -1, Text: "an anchor or alias of YAML, which are not read here"}
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			marks++
		}
		if l.add(t); l.work > maxWork {
			return fmt.Errorf("%w: line %d of %s: YAML with too many keys in a mapping or too many documents; write it as JSON", records.ErrTooLarge, line, d.path)
		}
		if max(flow, marks, t.Position.IndentNum/2) > maxIndent {
			return &records.Fault{Path: d.path, Line: line, Byte: -1, Text: fmt.Sprintf("nested more than %d deep", maxIndent)}
		}
	}
	return nil
}

// load estimates the work of the library, which copies what it has of a mapping for each further key, and of a file for
// each further document: the sum of their squares.
type load struct {
	work      int64
	documents int64
	open      []mapping
}

// mapping is a mapping whose keys are in one column.
type mapping struct {
	column int
	keys   int64
}

// maxWork is about five seconds: 30,000 keys in one mapping.
const maxWork = 1_000_000_000

// add counts a token.
func (l *load) add(t *token.Token) {
	switch t.Type {
	case token.DocumentHeaderType:
		l.open = l.open[:0]
		l.documents++
		l.work += 2*l.documents - 1
	case token.SequenceEntryType:
		l.close(t.Position.Column)
	case token.MappingValueType:
		if t.Prev == nil {
			return
		}
		column := t.Prev.Position.Column
		l.close(column)
		if n := len(l.open); n == 0 || l.open[n-1].column < column {
			l.open = append(l.open, mapping{column: column})
		}
		m := &l.open[len(l.open)-1]
		m.keys++
		l.work += 2*m.keys - 1
	}
}

// close forgets the mappings to the right of a column.
func (l *load) close(column int) {
	for n := len(l.open); n > 0 && l.open[n-1].column > column; n-- {
		l.open = l.open[:n-1]
	}
}

func (d *documents) document(doc *ast.DocumentNode) error {
	line := doc.Body.GetToken().Position.Line
	var value any
	if err := yaml.NodeToValue(doc.Body, &value); err != nil {
		return d.fault(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return &records.Fault{Path: d.path, Line: line, Byte: -1, Text: "not an object: " + err.Error()}
	}
	if text[0] != '{' && text[0] != '[' {
		return &records.Fault{Path: d.path, Line: line, Byte: -1, Text: fmt.Sprintf("expected an object, found %.40s", text)}
	}
	return d.add(Object{JSON: text, YAML: true, at: -1}, 0)
}

// fault is a fault of the library with its line.
func (d *documents) fault(err error) error {
	f := &records.Fault{Path: d.path, Byte: -1, Text: "not valid YAML"}
	if at := yaml.Error(nil); errors.As(err, &at) {
		if t := at.GetToken(); t != nil {
			f.Line = t.Position.Line
		}
		f.Text += ": " + strings.TrimSpace(at.GetMessage())
	}
	return f
}
