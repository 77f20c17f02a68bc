package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/engine/workflows"
)

// TestResults: the program returns what is known of a workflow without running it, and each task ran once.
func TestResults(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for _, c := range []struct {
		workflow string
		set      string
		tasks    int
		result   string
	}{
		{"tree-reduction", "n=1024", 1023, "523776"},
		{"tree-reduction", "n=10", 9, "45"},
		{"tree-reduction", "n=2", 1, "1"},
		{"fan-out-fan-in", "", 9, "18766224"},
		{"chain", "k=5", 5, `"-1-2-3-4-5"`},
		{"diamond-skip", "", 4, `"-1--1--2"`},
		{"late-root", "", 7, `"-1----1---6"`},
		{"fixed-times", "unit=10ms", 16, `"abcde"`},
		{"wide", "width=300", 302, "300"},
	} {
		args := []string{"run", c.workflow}
		if c.set != "" {
			args = append(args, "--set", c.set)
		}
		var got report
		u.json(&got, args...)
		assert.Equal(t, c.result, string(got.Result), "%v", args)
		assert.Equal(t, []any{"succeeded", c.tasks, c.tasks}, []any{got.Status, got.Tasks, got.Done}, "%v", args)
		assert.True(t, got.Records.Complete, "%v: %+v", args, got.Records)
		u.ranOnce(got.Run, c.tasks)
	}
}

// ranOnce checks that each task of a run succeeded in its first attempt and was not run again.
func (u *user) ranOnce(run string, tasks int) []attempt {
	u.t.Helper()
	attempts := u.attempts(run)
	seen := map[int]bool{}
	for _, a := range attempts {
		if seen[a.Node] || a.Outcome != "ok" || a.Attempt != 1 {
			u.t.Errorf("run %s: %s ended %s in attempt %d, again: %t", run, a.Name, a.Outcome, a.Attempt, seen[a.Node])
		}
		seen[a.Node] = true
	}
	assert.Len(u.t, seen, tasks, "tasks of run %s", run)
	return attempts
}

// TestWordcount: cut into chunks or not, the words of a text are those that one pass finds.
func TestWordcount(t *testing.T) {
	t.Parallel()
	text := randomText(rand.New(rand.NewPCG(1, 2)), 20_000)
	want := map[string]int{}
	for _, word := range regexp.MustCompile(`[\p{L}\p{N}]+(?:'[\p{L}\p{N}]+)*`).FindAllString(strings.ToLower(text), -1) {
		want[word]++
	}
	require.Greater(t, len(want), 15, "the text of the test")

	u := newUser(t)
	path := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	for _, chunk := range []string{"64", "1000000"} {
		var got report
		u.json(&got, "run", "wordcount", "--set", "input="+path, "--set", "chunk="+chunk)
		counts := map[string]int{}
		require.NoError(t, json.Unmarshal(got.Result, &counts))
		assert.Equal(t, want, counts, "chunks of %s", chunk)
		chunks := 0
		for _, a := range u.ranOnce(got.Run, got.Tasks) {
			if strings.HasPrefix(a.Name, "count-words") {
				chunks++
			}
		}
		assert.Equal(t, 2*chunks+1, got.Tasks, "chunks of %s", chunk)
		assert.Equal(t, chunk == "64", chunks > 100, "%d chunks of %s", chunks, chunk)
	}
}

// randomText has words of several scripts, with and without what makes counting hard.
func randomText(r *rand.Rand, words int) string {
	some := strings.Fields("the The THE don't rock'n'roll x86 42 3.14 naïve Straße Ünder 'quoted' end. semi;colon a-b e2e it's'")
	var b strings.Builder
	for range words {
		b.WriteString(some[r.IntN(len(some))])
		b.WriteString([]string{" ", "  ", "\n", "\t", ", ", " – "}[r.IntN(6)])
	}
	return b.String()
}

// TestImageTransform: the width of the fan-out follows from the image, which only the run's first task reads.
func TestImageTransform(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	for _, c := range []struct {
		width, strips int
		set           string
	}{
		{20, 1, ""}, {127, 1, ""}, {128, 2, ""}, {197, 3, ""}, {1000, 10, ""}, {50, 0, "strips=0"}, {50, 60, "strips=60"},
	} {
		name := fmt.Sprintf("width %d %s", c.width, c.set)
		args := []string{"run", "image-transform", "--set", "input=" + pngFile(t, c.width, 4)}
		if c.set != "" {
			args = append(args, "--set", c.set)
		}
		var got report
		u.json(&got, args...)
		assert.Equal(t, 2*c.strips+2, got.Tasks, name)
		u.ranOnce(got.Run, got.Tasks)
		assert.Equal(t, []int{c.strips}, u.widths(got.Run), name)
		var merged struct{ Width, Height int }
		require.NoError(t, json.Unmarshal(got.Result, &merged), name)
		if c.strips > 0 {
			assert.Equal(t, c.width+8*c.strips, merged.Width, name)
			assert.Equal(t, 4+8, merged.Height, name)
		}
	}
}

// widths are those that the fan-outs of a run turned out to have, known once the first task had ended.
func (u *user) widths(run string) (widths []int) {
	u.t.Helper()
	ended := false
	for line := range strings.Lines(u.ok("export", run, "--format", "ndjson")) {
		var e struct {
			Kind  string
			Width int
		}
		require.NoError(u.t, json.Unmarshal([]byte(line), &e), line)
		ended = ended || e.Kind == "task.finished"
		if e.Kind == "fanout.expanded" {
			assert.True(u.t, ended, "a width that was not known yet")
			widths = append(widths, e.Width)
		}
	}
	return widths
}

// pngFile is an image of noise.
func pngFile(t *testing.T, width, height int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			m.Set(x, y, color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255})
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	path := filepath.Join(t.TempDir(), "image.png")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// TestWorkflows: the program offers the whole gallery, and recordings.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	type param struct{ Name, Default string }
	type described struct {
		Name        string
		Description string
		Params      []param
	}
	var want []described
	for _, w := range append(workflows.All(), wfformat.Workflow()) {
		d := described{Name: w.Name, Description: w.Description, Params: []param{}}
		for i := range w.Params {
			d.Params = append(d.Params, param{w.Params[i].Name, w.Params[i].Default})
		}
		want = append(want, d)
	}
	var got struct{ Workflows []described }
	newUser(t).json(&got, "workflows")
	assert.Equal(t, want, got.Workflows)
}

// TestDemo: every workflow runs, and neither the one that panics nor the one that is cancelled hurts another.
func TestDemo(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	var got struct{ Runs []report }
	u.json(&got, "demo")
	ran := map[string][]string{}
	for _, r := range got.Runs {
		ran[r.Workflow] = append(ran[r.Workflow], r.Status)
		assert.True(t, r.Records.Complete, "%s: %+v", r.Workflow, r.Records)
		if r.Status == "failed" {
			require.NotNil(t, r.Error, r.Workflow)
			assert.Equal(t, "panic", r.Error.Kind)
		}
	}
	want := map[string][]string{}
	for _, w := range append(workflows.All(), wfformat.Workflow()) {
		want[w.Name] = []string{"succeeded"}
	}
	want["flaky"] = append(want["flaky"], "failed")
	want["fixed-times"] = append(want["fixed-times"], "cancelled")
	assert.Equal(t, want, ran)

	recorded := u.runs()
	for _, r := range got.Runs {
		assert.Equal(t, r.Status, recorded[r.Run].Status, r.Workflow)
		assert.Equal(t, r.Done, recorded[r.Run].Succeeded, r.Workflow)
	}
	assert.Len(t, recorded, len(got.Runs))
	u.ok("check")
}
