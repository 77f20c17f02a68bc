package workflows

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attempt is the context of an attempt of that number.
func attempt(ctx context.Context, number int) context.Context {
	return context.WithValue(ctx, execution.TaskKey{}, &execution.TaskInfo{Attempt: number})
}

func TestGallery(t *testing.T) {
	for _, c := range galleryCases() {
		t.Run(c.workflow+"/"+c.name, func(t *testing.T) {
			if c.large && (testing.Short() || raceEnabled) {
				t.Skip("large")
			}
			g, args := c.graph(t)
			out, err := enginetest.Evaluate(attempt(t.Context(), max(1, c.attempt)), g)
			require.NoError(t, err)
			require.Equal(t, []int{c.tasks, c.roots, c.depth}, []int{out.Tasks, out.Roots, out.Depth}, "tasks, roots, depth")
			c.check(t, args, out.Result)
		})
	}
}

// TestDefaults runs each workflow with what it has where nothing is set.
func TestDefaults(t *testing.T) {
	for _, w := range All() {
		t.Run(w.Name, func(t *testing.T) {
			args, err := w.Arguments(nil, nil)
			require.NoError(t, err)
			g, err := w.Graph(args)
			require.NoError(t, err)
			require.NoError(t, g.Check(dag.Limits{}))
			if raceEnabled {
				return // TestGallery runs what is small
			}
			out, err := enginetest.Evaluate(attempt(t.Context(), 3), g)
			require.NoError(t, err)
			t.Logf("| %s | %d | %d | %d | %.90v |", w.Name, out.Tasks, out.Roots, out.Depth, brief(out.Result))
		})
	}
}

func brief(v any) any {
	switch v := v.(type) {
	case raster.Image:
		return []int{v.Width, v.Height}
	case int, string, []float64, Report:
		return v
	default:
		return "…"
	}
}

func TestDescriptions(t *testing.T) {
	spec := []string{
		"tree-reduction", "gemm", "gemm-blocked", "wordcount", "image-transform", "image-filters", "svd-tall",
		"svd-randomised", "montage", "text-analysis", "fan-out-fan-in", "chain", "diamond-skip", "late-root",
		"fixed-times", "wide", "predict", "flaky",
	}
	functions := map[string]*engine.Function{}
	var names []string
	for _, w := range All() {
		names = append(names, w.Name)
		require.Regexp(t, `^[A-Z].*\.$`, w.Description, w.Name)
		require.NotEmpty(t, w.Functions, w.Name)
		for _, f := range w.Functions {
			if known := functions[f.Name()]; known != nil {
				require.Same(t, known, f, "two functions are named %q", f.Name())
			}
			functions[f.Name()] = f
		}
		for _, p := range w.Params {
			name := w.Name + " " + p.Name
			require.NotEmpty(t, p.Help, name)
			require.NotEmpty(t, p.Default, name)
			require.Equal(t, p.Kind == engine.FileParam, p.DefaultFile != nil, name)
			if p.Kind == engine.IntParam || p.Kind == engine.DurationParam {
				require.Less(t, p.Min, p.Max, name)
			}
		}
	}
	require.Equal(t, spec, names)
}

// TestFunctionsAreUsed compares the list of each workflow with what its graphs call.
func TestFunctionsAreUsed(t *testing.T) {
	used := map[string][]*engine.Function{}
	for _, c := range galleryCases() {
		g, _ := c.graph(t)
		used[c.workflow] = append(used[c.workflow], g.Functions()...)
	}
	for _, w := range All() {
		for _, f := range w.Functions {
			require.True(t, slices.Contains(used[w.Name], f), "%s lists %s and never calls it", w.Name, f.Name())
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, workflow string
		set            map[string]string
		input          string
		want           string
	}{
		{"one number", "tree-reduction", map[string]string{"n": "1"}, "", "expected 2 to 100000"},
		{"negative time", "tree-reduction", map[string]string{"work": "-1s"}, "", "is not a duration"},
		{"block 0", "gemm", map[string]string{"block": "0"}, "", "expected 1 to 10000"},
		{"no rows", "gemm", map[string]string{"rows": "0"}, "", "expected 1 to 10000"},
		{"too many tasks", "gemm", map[string]string{"block": "1"}, "", "expected at most 100000: choose a larger block"},
		{"too many blocks", "gemm-blocked", map[string]string{"size": "10000", "block": "1"}, "", "choose a larger block"},
		{"empty text", "wordcount", map[string]string{"input": "x"}, "", "the text is empty, expected at least one byte"},
		{"binary text", "wordcount", map[string]string{"input": "x"}, "a\x00b", "expected text in UTF-8"},
		{"too many chunks", "wordcount", map[string]string{"input": "x", "chunk": "1"}, strings.Repeat("a ", 50_000), "choose a larger chunk"},
		{"empty text", "text-analysis", map[string]string{"input": "x"}, "", "expected at least one byte"},
		{"no image", "image-transform", map[string]string{"input": "x"}, "text", "expected a PNG, JPEG or GIF file"},
		{"no image", "image-filters", map[string]string{"input": "x"}, "text", "expected a PNG, JPEG or GIF file"},
		{"half an image", "image-filters", map[string]string{"input": "x"}, string(encoded(50, 50)[:200]), "expected a complete png file"},
		{"no image", "montage", map[string]string{"input": "x"}, "", "expected a PNG, JPEG or GIF file"},
		{"no tiles", "montage", map[string]string{"tiles": "0"}, "", "expected 1 to 1024"},
		{"wide", "svd-tall", map[string]string{"rows": "10", "cols": "11"}, "", "expected at most as many columns as rows"},
		{"too large", "svd-tall", map[string]string{"rows": "100000000"}, "", "expected at most 268435456 in all"},
		{"too many blocks", "svd-tall", map[string]string{"rows": "100000", "block": "1"}, "", "choose a larger block"},
		{"rank", "svd-randomised", map[string]string{"size": "5", "rank": "6"}, "", "rank is 6, expected at most the size, 5"},
		{"too many blocks", "svd-randomised", map[string]string{"size": "20000", "block": "1"}, "", "choose a larger block"},
		{"chain", "chain", map[string]string{"k": "10001"}, "", "expected 1 to 10000"},
		{"no chunks", "predict", map[string]string{"chunks": "0"}, "", "expected 1 to 10000"},
		{"mode", "flaky", map[string]string{"mode": "sigh"}, "", "is not one of error, panic, timeout"},
		{"fails", "flaky", map[string]string{"fails": "11"}, "", "expected 0 to 10"},
	} {
		t.Run(c.workflow+"/"+c.name, func(t *testing.T) {
			w := byName(t, c.workflow)
			args, err := w.Arguments(c.set, galleryCase{input: []byte(c.input)}.open)
			if err == nil {
				_, err = w.Graph(args)
			}
			require.ErrorIs(t, err, engine.ErrInvalidParameter)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestFlakyFails sees the failures that an execution with retries gets over.
func TestFlakyFails(t *testing.T) {
	evaluate := func(ctx context.Context, mode string) error {
		g, _ := galleryCase{workflow: "flaky", set: map[string]string{"mode": mode, "fails": "2"}}.graph(t)
		_, err := enginetest.Evaluate(ctx, g)
		return err
	}
	require.ErrorContains(t, evaluate(attempt(t.Context(), 2), byError), "stumble: attempt 2 fails as asked, the first 2 do")
	require.Panics(t, func() { _ = evaluate(attempt(t.Context(), 2), byPanic) })
	require.Equal(t, 200*time.Millisecond, stall.Options().Timeout)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(attempt(t.Context(), 2), stallTimeout, engine.ErrTimeout)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, evaluate(ctx, byTimeout), engine.ErrTimeout)
		require.Equal(t, stallTimeout, time.Since(start))
	})
}

// TestCancelled gives long bodies a context that is done; each has to return its cause.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.ErrCancelled)
	for _, c := range []struct {
		workflow string
		set      map[string]string
	}{
		{"tree-reduction", map[string]string{"work": "1h"}},
		{"tree-reduction", map[string]string{"work": "1h", "sleep": "true"}},
		{"tree-reduction", map[string]string{"work": "1h", "payload": "8"}},
		{"gemm", nil},
		{"gemm-blocked", nil},
		{"wordcount", nil},
		{"image-transform", nil},
		{"svd-tall", nil},
		{"svd-randomised", nil},
		{"montage", nil},
		{"text-analysis", nil},
		{"fixed-times", nil},
		{"predict", nil},
		{"flaky", map[string]string{"mode": "timeout"}},
	} {
		t.Run(c.workflow, func(t *testing.T) {
			g, _ := galleryCase{workflow: c.workflow, set: c.set}.graph(t)
			_, err := enginetest.Evaluate(ctx, g)
			require.ErrorIs(t, err, engine.ErrCancelled)
		})
	}
}

// TestTwice evaluates a graph of each workflow twice, in between encodes and decodes the result: results travel, and
// no body modifies a constant.
func TestTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range galleryCases() {
		if seen[c.workflow] {
			continue
		}
		seen[c.workflow] = true
		t.Run(c.workflow, func(t *testing.T) {
			g, _ := c.graph(t)
			ctx := attempt(t.Context(), max(1, c.attempt))
			first, err := enginetest.Evaluate(ctx, g)
			require.NoError(t, err)
			wire, err := g.ResultType().Append(nil, first.Result)
			require.NoError(t, err)
			second, err := enginetest.Evaluate(ctx, g)
			require.NoError(t, err)
			back, err := g.ResultType().Decode(wire)
			require.NoError(t, err)
			require.Equal(t, second.Result, back)
		})
	}
}
