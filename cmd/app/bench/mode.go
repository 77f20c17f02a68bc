package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Mode is a way to execute a graph.
type Mode string

// Modes, in the order in which they are measured and shown.
const (
	Floor   Mode = "floor"
	Bare    Mode = "bare"    // the engine without a log
	Steps   Mode = "steps"   // with the log of steps, folded into digests
	Archive Mode = "archive" // with steps, digests and the compressed archive, in memory
	Disk    Mode = "disk"    // with the same archive in the embedded database, whose drain waits for the disk
)

// contestant executes shapes in one mode.
type contestant struct {
	mode Mode
	// prepare makes the graph of a shape, outside of what is measured, and returns what runs it once.
	prepare func(s Shape) (runOnce, error)
}

// runOnce executes a prepared shape.
type runOnce func(ctx context.Context) (timing, error)

// arena holds what executes shapes, one contestant for each mode.
type arena struct {
	contestants []contestant
	hosts       []*host
}

// newArena opens every mode; files are kept below dir.
func newArena(ctx context.Context, dir string) (*arena, error) {
	a := &arena{contestants: []contestant{{Floor, prepareFloor}}}
	f := plainFunctions()
	for _, mode := range []Mode{Bare, Steps, Archive, Disk} {
		r, err := newRecorder(ctx, mode, dir)
		if err != nil {
			return nil, errors.Join(err, a.close())
		}
		h, err := newHost(r, 0)
		if err != nil {
			return nil, errors.Join(err, a.close())
		}
		a.hosts = append(a.hosts, h)
		a.contestants = append(a.contestants, contestant{mode, h.preparer(f)})
	}
	return a, nil
}

func (a *arena) close() error {
	var errs []error
	for _, h := range a.hosts {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}

func prepareFloor(s Shape) (runOnce, error) {
	f := newFloor(newFloorGraph(s))
	return func(ctx context.Context) (timing, error) {
		began := time.Now()
		got, err := f.run(ctx)
		took := time.Since(began)
		return timing{took, took}, check(s, got, err)
	}, nil
}

// preparer makes shapes of f for the engine.
func (h *host) preparer(f functions) func(s Shape) (runOnce, error) {
	return func(s Shape) (runOnce, error) {
		g, err := f.graph(s)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (timing, error) {
			t, got, err := h.run(ctx, s.Kind, g)
			return t, check(s, got, err)
		}, nil
	}
}

func check(s Shape, got any, err error) error {
	if err != nil {
		return err
	}
	if got != s.Want() {
		return fmt.Errorf("bench: %s returns %v, expected %d", s, got, s.Want())
	}
	return nil
}
