package code

import (
	"context"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/python"
)

// one returns the value of the task.
func (w *work) one(ctx context.Context) (Value, error) {
	if w.task.Call == nil {
		return w.other(ctx)
	}
	call, pool, err := w.call(ctx)
	if err != nil {
		return Value{}, err
	}
	v, used, err := pool.Call(ctx, call)
	report(ctx, used)
	return v, ofPython(err)
}

// other returns the value of a task that is no call.
func (w *work) other(ctx context.Context) (Value, error) {
	if w.task.Select == nil {
		return w.command(ctx)
	}
	if list, ok := w.list(Template{{Hole: w.task.Select}}); ok && slices.ContainsFunc(list, func(v Value) bool { return v.Codec > python.CBOR }) {
		return w.collect(ctx, list)
	}
	return w.value(w.task.Select)
}

// collect is a list with arrays as one value, which Python has to make.
func (w *work) collect(ctx context.Context, list []Value) (Value, error) {
	pool, err := w.runner.interpreters.get(ctx, w, nil)
	if err != nil {
		return Value{}, err
	}
	holes := make([]any, len(list))
	for i := range holes {
		holes[i] = cbor.Tag{Number: python.HoleTag, Content: uint64(i)}
	}
	template, err := python.Encode([]any{[]any{holes}, map[string]any{}})
	if err != nil {
		return Value{}, err
	}
	v, used, err := pool.Call(ctx, python.Call{
		Module: "dagscope._task", Function: "same", Values: list, Template: template, AllowPickle: w.runner.cfg.AllowPickle,
	})
	report(ctx, used)
	return v, ofPython(err)
}

// many returns the elements of the task's value.
func (w *work) many(ctx context.Context) ([]Value, error) {
	if w.task.Call == nil {
		v, err := w.other(ctx)
		if err != nil {
			return nil, err
		}
		elements, err := Elements(v)
		if err != nil {
			return nil, engine.NoRetry(fmt.Errorf("code: the fan-out over the output of %s: %w", w.name(), err))
		}
		return elements, nil
	}
	call, pool, err := w.call(ctx)
	if err != nil {
		return nil, err
	}
	vs, used, err := pool.CallList(ctx, call)
	report(ctx, used)
	return vs, ofPython(err)
}

// name is the program or the function, for messages.
func (w *work) name() string {
	switch {
	case w.task.Call != nil:
		return w.task.Call.Module + ":" + w.task.Call.Function
	case w.task.Script != "":
		return "the script"
	case w.task.Select != nil:
		return "the selection"
	case len(w.task.Command[0]) > 0:
		return w.task.Command[0][0].Text
	default:
		return "the command"
	}
}
