package code

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/python"
)

// fill returns a template with its holes filled.
func (w *work) fill(t Template) (string, error) {
	if len(t) == 1 && t[0].Hole == nil {
		return t[0].Text, nil
	}
	var b strings.Builder
	for i := range t {
		if t[i].Hole == nil {
			b.WriteString(t[i].Text)
			continue
		}
		text, err := w.text(t[i].Hole)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// text is what an operand contributes to a template. A file is written into the working folder first.
func (w *work) text(o *Operand) (string, error) {
	v, err := w.read(o)
	if err != nil {
		return "", err
	}
	if !o.IsFile {
		return asText(v), nil
	}
	name := "input"
	if file, ok := v.(map[string]any); ok {
		if n, ok := file[FileName].(string); ok && path.Base(n) == n && n != "." && n != ".." && n != "/" {
			name = n
		}
	}
	at := inputFolder + "/" + strconv.Itoa(w.files) + "/" + name // files of several tasks may have one name
	w.files++
	return at, w.write(at, v)
}

// inputFolder is the part of the working folder where files are that templates mention.
const inputFolder = ".dagscope-inputs"

// value returns what an operand stands for, encoded. A value that is read as a whole is not decoded.
func (w *work) value(o *Operand) (Value, error) {
	if len(o.Path) == 0 && !o.IsList {
		return w.values[o.Index], nil
	}
	if len(o.Path) == 0 {
		return List(w.lists[o.Index])
	}
	v, err := w.read(o)
	if err != nil {
		return Value{}, err
	}
	return python.Encode(v)
}

// read returns what an operand stands for.
func (w *work) read(o *Operand) (any, error) {
	whole, err := w.whole(o)
	if err != nil {
		return nil, err
	}
	v := whole
	for i, s := range o.Path {
		var ok bool
		if v, ok = s.from(v); !ok {
			return nil, engine.NoRetry(fmt.Errorf("there is no %s in %.100s", pathText(o.Path[:i+1]), asText(whole)))
		}
	}
	return v, nil
}

// whole decodes the value, or the list of values, that an operand is of. A value is decoded once.
func (w *work) whole(o *Operand) (any, error) {
	key := operandKey{o.Index, o.IsList}
	if v, ok := w.decoded[key]; ok {
		return v, nil
	}
	v, err := w.decode(key)
	if err != nil {
		return nil, engine.NoRetry(err)
	}
	if w.decoded == nil {
		w.decoded = map[operandKey]any{}
	}
	w.decoded[key] = v
	return v, nil
}

func (w *work) decode(key operandKey) (any, error) {
	if !key.isList {
		return w.values[key.index].Decode()
	}
	list := make([]any, len(w.lists[key.index]))
	for i, v := range w.lists[key.index] {
		var err error
		if list[i], err = v.Decode(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// from takes the step from a value.
func (s Step) from(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		part, ok := v[s.Key]
		return part, ok && !s.IsIndex
	case []any:
		i := s.Index
		if i < 0 {
			i += len(v)
		}
		if !s.IsIndex || i < 0 || i >= len(v) {
			return nil, false
		}
		return v[i], true
	default:
		return nil, false
	}
}

func pathText(path []Step) string {
	var b strings.Builder
	for _, s := range path {
		b.WriteString(s.String())
	}
	return b.String()
}
