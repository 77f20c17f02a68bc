package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader turns nodes of YAML into Go values, and collects what is wrong with them.
type reader struct {
	wrong   mistakes
	anchors map[string]ast.Node
	nodes   int // read so far, those of aliases each time
	depth   int // of values and groups of steps that are read at the moment
}

// Bounds of what is read: an alias may stand for many values, and for one that it is a part of.
const (
	maxNodes = 200_000
	maxDepth = 100
)

// nest calls read one level deeper, unless that is too deep.
func (r *reader) nest(n ast.Node, read func()) {
	if r.depth++; r.depth <= maxDepth {
		read()
	} else {
		r.wrong.add(at(n), "values are nested more than %d levels deep", maxDepth)
	}
	r.depth--
}

// field is one entry of a mapping.
type field struct {
	key   string
	at    position // of the key
	value ast.Node
}

func at(n ast.Node) position {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{1, 1}
	}
	p := n.GetToken().Position
	return position{p.Line, p.Column}
}

// plain resolves anchors, aliases and tags.
func (r *reader) plain(n ast.Node) ast.Node {
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.wrong.add(at(n), "the file has more than %d values, with each alias as what it stands for", maxNodes)
		}
		return nil
	}
	for range 100 { // an alias may be one of an alias
		switch m := n.(type) {
		case *ast.AnchorNode:
			r.anchors[m.Name.String()] = m.Value
			n = m.Value
		case *ast.AliasNode:
			known, ok := r.anchors[m.Value.String()]
			if !ok {
				r.wrong.add(at(m), "the alias *%s has no anchor before it", m.Value)
				return nil
			}
			n = known
		case *ast.TagNode:
			n = m.Value
		default:
			return n
		}
	}
	r.wrong.add(at(n), "aliases of aliases without an end")
	return nil
}

// fields reads a mapping. what says which, for messages; known are the keys it may have, any if it is nil.
func (r *reader) fields(n ast.Node, what string, known []string) []field {
	n = r.plain(n)
	var entries []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		entries = m.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{m}
	default:
		r.wrong.add(at(n), "%s is %s, expected a mapping", what, describe(n))
		return nil
	}
	var out []field
	for _, e := range entries {
		f := field{key: keyText(e.Key), at: at(e.Key), value: r.plain(e.Value)}
		switch {
		case known != nil && !slices.Contains(known, f.key):
			r.wrong.add(f.at, "%s has no field %q, expected one of %s", what, f.key, strings.Join(known, ", "))
		case slices.ContainsFunc(out, func(o field) bool { return o.key == f.key }):
			r.wrong.add(f.at, "%s has the field %q twice", what, f.key)
		default:
			out = append(out, f)
		}
	}
	return out
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.String()
}

// scalar is a scalar as it is written, empty for anything else.
func scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

// text reads a scalar as a text; numbers and truth values as they are written.
func (r *reader) text(f field) string {
	text, ok := scalar(f.value)
	if !ok {
		r.wrong.add(at(f.value), "%s is %s, expected a text", f.key, describe(f.value))
	}
	return text
}

// texts reads a list of texts, or one text as a list of one.
func (r *reader) texts(f field) []name {
	var out []name
	for _, n := range r.items(f) {
		out = append(out, name{r.text(field{f.key, f.at, n}), at(n)})
	}
	return out
}

// items reads a list; anything else is a list of one.
func (r *reader) items(f field) []ast.Node {
	list, ok := f.value.(*ast.SequenceNode)
	if !ok {
		return []ast.Node{f.value}
	}
	var out []ast.Node
	for _, n := range list.Values {
		out = append(out, r.plain(n))
	}
	return out
}

// choice reads one of some texts.
func choice[T ~string](r *reader, f field, known []T) T {
	text, _ := scalar(f.value)
	if !slices.Contains(known, T(text)) {
		r.wrong.add(at(f.value), "%s is %s, expected one of %v", f.key, describe(f.value), known)
	}
	return T(text)
}

// whole reads a whole number that is at least least.
func (r *reader) whole(f field, least int) int {
	n, ok := f.value.(*ast.IntegerNode)
	if ok {
		switch v := n.Value.(type) {
		case uint64:
			if v <= 1<<31 && int(v) >= least {
				return int(v)
			}
		case int64:
			if v >= int64(least) {
				return int(v)
			}
		}
	}
	r.wrong.add(at(f.value), "%s is %s, expected a whole number of at least %d", f.key, describe(f.value), least)
	return least
}

// duration reads a time such as 90s; a number is one of seconds.
func (r *reader) duration(f field) time.Duration {
	text, _ := scalar(f.value)
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err != nil || d <= 0 {
		r.wrong.add(at(f.value), "%s is %s, expected a time such as 30s, 5m or 1h30m", f.key, describe(f.value))
	}
	return d
}

// flag reads a truth value.
func (r *reader) flag(f field) bool {
	n, ok := f.value.(*ast.BoolNode)
	if !ok {
		r.wrong.add(at(f.value), "%s is %s, expected true or false", f.key, describe(f.value))
		return false
	}
	return n.Value
}

// template reads a text with expressions.
func (r *reader) template(f field) template {
	t, err := parseTemplate(r.text(f), at(f.value))
	if err != nil {
		r.wrong.add(at(f.value), "%s has %v", f.key, err)
	}
	return t
}

// expression reads a text that is one expression.
func (r *reader) expression(f field) *expression {
	t := r.template(f)
	if e := t.whole(); e != nil {
		return e
	}
	r.wrong.add(at(f.value), "%s is %q, expected one expression such as ${{ steps.NAME.out }}", f.key, short(r.text(f)))
	return nil
}

// argument reads any value, with expressions in its texts.
func (r *reader) argument(f field) argument {
	switch n := f.value.(type) {
	case nil, *ast.NullNode:
		return argument{}
	case *ast.BoolNode:
		return argument{value: n.Value}
	case *ast.IntegerNode:
		return argument{value: n.Value}
	case *ast.FloatNode:
		return argument{value: n.Value}
	case *ast.InfinityNode:
		return argument{value: n.Value}
	case *ast.SequenceNode:
		a := argument{isSet: isList}
		r.nest(n, func() {
			for _, item := range r.items(f) {
				a.list = append(a.list, r.argument(field{f.key, f.at, item}))
			}
		})
		return a
	case *ast.MappingNode, *ast.MappingValueNode:
		a := argument{isSet: isDict}
		r.nest(n, func() {
			for _, e := range r.fields(n, f.key, nil) {
				a.dict = append(a.dict, entry{e.key, r.argument(e)})
			}
		})
		return a
	default:
		t := r.template(f)
		return argument{isSet: isText, text: &t}
	}
}

// describe says in a few words what a node is.
func describe(n ast.Node) string {
	switch m := n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return fmt.Sprintf("the text %q", short(m.Value))
	case *ast.LiteralNode:
		return "a text"
	default:
		if t := n.GetToken(); t != nil && t.Type != token.UnknownType {
			return short(t.Value)
		}
		return "something else"
	}
}

func short(text string) string {
	if len(text) <= 60 {
		return text
	}
	return strings.ToValidUTF8(text[:60], "") + "…"
}
