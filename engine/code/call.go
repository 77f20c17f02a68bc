package code

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/python"
)

// call prepares a call of a Python function.
func (w *work) call(ctx context.Context) (python.Call, *python.Pool, error) {
	of := w.task.Call
	if of.AllowPickle && !w.runner.cfg.AllowPickle {
		return python.Call{}, nil, engine.NoRetry(errPickle)
	}
	c := python.Call{
		Module: of.Module, Function: of.Function, Template: of.Arguments, AllowPickle: of.AllowPickle, Lines: lines(ctx),
	}
	if err := w.fillCall(&c); err != nil {
		return c, nil, err
	}
	pool, err := w.runner.interpreters.get(ctx, w, nil)
	return c, pool, err
}

// fillCall sets the values of the holes of a call. The hole of a list becomes a list of holes, one for each element, so
// that no element is decoded here.
func (w *work) fillCall(c *python.Call) error {
	holes := w.task.Call.Holes
	c.Values = make([]Value, len(holes))
	spread := map[uint64]any{}
	for i, t := range holes {
		if list, ok := w.list(t); ok {
			parts := make([]any, len(list))
			for k := range list {
				parts[k] = cbor.Tag{Number: python.HoleTag, Content: uint64(len(c.Values) + k)}
			}
			spread[uint64(i)] = parts
			c.Values = append(c.Values, list...)
			continue
		}
		var err error
		if c.Values[i], err = w.argument(t); err != nil {
			return fmt.Errorf("code: the arguments of %s:%s: %w", c.Module, c.Function, err)
		}
	}
	if len(spread) == 0 {
		return unfold(c)
	}
	return replaceHoles(&c.Template, spread)
}

// list returns the list that fills a hole as a whole.
func (w *work) list(t Template) ([]Value, bool) {
	if len(t) != 1 || t[0].Hole == nil || !t[0].Hole.IsList || len(t[0].Hole.Path) > 0 {
		return nil, false
	}
	return w.lists[t[0].Hole.Index], true
}

// argument is the value that fills a hole.
func (w *work) argument(t Template) (Value, error) {
	if len(t) == 1 && t[0].Hole != nil {
		return w.value(t[0].Hole)
	}
	text, err := w.fill(t)
	if err != nil {
		return Value{}, err
	}
	return python.Encode(text)
}

// replaceHoles replaces holes of a template by what is given for their numbers.
func replaceHoles(template *Value, by map[uint64]any) error {
	data, err := template.Bytes()
	if err != nil {
		return err
	}
	var t any
	if err := templates.Unmarshal(data, &t); err != nil {
		return engine.NoRetry(fmt.Errorf("code: arguments that cannot be read: %w", err))
	}
	data, err = cbor.Marshal(replaced(t, by))
	*template = Value{Codec: template.Codec, Data: data}
	return err
}

func replaced(t any, by map[uint64]any) any {
	switch t := t.(type) {
	case cbor.Tag:
		if hole, ok := t.Content.(uint64); ok && t.Number == python.HoleTag && by[hole] != nil {
			return by[hole]
		}
		t.Content = replaced(t.Content, by)
		return t
	case []any:
		for i := range t {
			t[i] = replaced(t[i], by)
		}
	case map[any]any:
		for k := range t {
			t[k] = replaced(t[k], by)
		}
	}
	return t
}

// ofPython adds to an error of a call what its record should have.
func ofPython(err error) error {
	var call *python.CallError
	var lost *python.LostError
	switch {
	case errors.As(err, &call) && call.Reason == python.Raised:
		return &evident{error: err, tail: strings.TrimSpace(call.Traceback)}
	case errors.As(err, &call):
		return engine.NoRetry(err)
	case errors.As(err, &lost):
		return &evident{err, lost.Result.ExitCode, lost.Result.Signal, lost.Result.Stderr}
	default:
		return err
	}
}
