package pipeline

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/code"
)

// expression is what stands between ${{ and }}: a parameter, an output of a step or a part of it, a file of a step, or
// the element of a foreach.
type expression struct {
	root root
	name string // of the parameter, the step, or the element
	file string // of a step, "" for its output
	path []code.Step
	at   position
}

// root is what an expression begins with.
type root uint8

const (
	parameter root = iota
	stepOutput
	element
)

// template is a text with expressions.
type template struct {
	parts []part
	at    position
}

// part is a literal text or an expression.
type part struct {
	text string
	expr *expression
}

// whole returns the expression that the template consists of, nil if it is anything else.
func (t *template) whole() *expression {
	if len(t.parts) == 1 {
		return t.parts[0].expr
	}
	return nil
}

// expressions lists those of a template.
func (t *template) expressions() []*expression {
	if t == nil {
		return nil
	}
	var out []*expression
	for _, p := range t.parts {
		if p.expr != nil {
			out = append(out, p.expr)
		}
	}
	return out
}

// parseTemplate splits a text at its expressions.
func parseTemplate(text string, at position) (template, error) {
	t := template{at: at}
	for {
		before, after, found := strings.Cut(text, "${{")
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			return t, nil
		}
		inside, rest, closed := strings.Cut(after, "}}")
		if !closed {
			return t, fmt.Errorf("an expression that is not closed, expected }} after %.30q", "${{"+after)
		}
		e, err := parseExpression(strings.TrimSpace(inside), at)
		if err != nil {
			return t, err
		}
		t.parts = append(t.parts, part{expr: e})
		text = rest
	}
}

const expected = "expected params.NAME, steps.NAME.out, steps.NAME.files.NAME, or item, each with .key or [0] for a part of it"

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*`)

// isName reports whether a text can be a name in expressions.
func isName(text string) bool { return text != "" && namePattern.FindString(text) == text }

// parseExpression parses what stands between the braces.
func parseExpression(text string, at position) (*expression, error) {
	wrong := func() (*expression, error) { return nil, fmt.Errorf("the expression %q, %s", text, expected) }
	first := namePattern.FindString(text)
	path, err := parsePath(text[len(first):])
	if first == "" || err != nil {
		return wrong()
	}
	switch first {
	case "params":
		if len(path) != 1 || path[0].IsIndex {
			return wrong()
		}
		return &expression{root: parameter, name: path[0].Key, at: at}, nil
	case "steps":
		if len(path) < 2 || path[0].IsIndex || path[1].IsIndex {
			return wrong()
		}
		e := &expression{root: stepOutput, name: path[0].Key, path: path[2:], at: at}
		switch {
		case path[1].Key == "out":
			return e, nil
		case path[1].Key == "files" && len(path) == 3 && !path[2].IsIndex:
			e.file, e.path = path[2].Key, nil
			return e, nil
		}
		return wrong()
	default:
		return &expression{root: element, name: first, path: path, at: at}, nil
	}
}

var stepPattern = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\[(-?[0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\])`)

// parsePath parses .key, ["key"] and [0], one after the other.
func parsePath(text string) ([]code.Step, error) {
	var path []code.Step
	for text != "" {
		m := stepPattern.FindStringSubmatch(text)
		switch {
		case m == nil:
			return nil, fmt.Errorf("the path %q", text)
		case m[1] != "":
			path = append(path, code.Step{Key: m[1]})
		case m[2] != "":
			i, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, err
			}
			path = append(path, code.Step{Index: i, IsIndex: true})
		default:
			key, err := strconv.Unquote(`"` + m[3] + `"`)
			if err != nil {
				return nil, err
			}
			path = append(path, code.Step{Key: key})
		}
		text = text[len(m[0]):]
	}
	return path, nil
}

// condition is what a step depends on: a parameter that is true, or that is or is not a value.
type condition struct {
	param string
	not   bool
	value *string // nil for a truth value
	at    position
}

var conditionPattern = regexp.MustCompile(`^(?:\$\{\{)?\s*(!?)\s*params\.([A-Za-z_][A-Za-z0-9_-]*)\s*(?:(==|!=)\s*(?:'([^']*)'|"([^"]*)"|([^\s'"}]+)))?\s*(?:\}\})?$`)

// parseCondition parses the text of an if.
func parseCondition(text string, at position) (*condition, error) {
	m := conditionPattern.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil || m[1] != "" && m[3] != "" {
		return nil, fmt.Errorf("the condition %q, expected params.NAME, !params.NAME, params.NAME == VALUE or params.NAME != VALUE", text)
	}
	c := &condition{param: m[2], not: m[1] != "" || m[3] == "!=", at: at}
	if m[3] != "" {
		value := m[4] + m[5] + m[6]
		c.value = &value
	}
	return c, nil
}

// holds reports whether the condition is met by arguments as text.
func (c *condition) holds(params map[string]string) bool {
	if c == nil {
		return true
	}
	text := params[c.param]
	if c.value != nil {
		return (text == *c.value) != c.not
	}
	is, _ := strconv.ParseBool(text) // it is checked to be one
	return is != c.not
}
