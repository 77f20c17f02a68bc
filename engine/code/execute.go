package code

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
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
	return w.value(w.task.Select)
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
