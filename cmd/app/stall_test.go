package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestStallWatch: why a run stalls is reported once, and again when the reason changes.
func TestStallWatch(t *testing.T) {
	has := func(lost bool, functions ...string) fleet.Present {
		return fleet.Present{Snapshot: worker.Snapshot{Width: 2}, Functions: functions, Lost: lost}
	}
	sized := func(width int, memory int64) fleet.Present {
		return fleet.Present{Snapshot: worker.Snapshot{Width: width, TaskMemory: memory}}
	}
	const none = "there is no worker; start one with: dagscope worker"
	type look struct {
		at      time.Duration
		done    int
		present []fleet.Present
		err     error
		want    string
	}
	for name, looks := range map[string][]look{
		"continues":     {{at: 0}, {at: 4 * time.Second, done: 1}, {at: 8 * time.Second, done: 2}},
		"no worker":     {{at: 0}, {at: 4 * time.Second}, {at: 5 * time.Second, want: none}, {at: 9 * time.Second}},
		"all lost":      {{at: 0}, {at: 5 * time.Second, present: []fleet.Present{has(true, "f", "g")}, want: none}},
		"takes time":    {{at: 0}, {at: time.Hour, present: []fleet.Present{has(false, "f"), has(false, "g")}}},
		"of everything": {{at: 0}, {at: time.Hour, present: []fleet.Present{has(false)}}},
		"lacks one":     {{at: 0}, {at: time.Hour, present: []fleet.Present{has(false, "f", "x")}, want: "no worker has g, which it calls"}},
		"too large": {{at: 0}, {
			at: time.Hour, present: []fleet.Present{sized(1, 1<<30), sized(2, 512<<20)},
			want: "no worker is large enough for g: a call needs 2 processors and 1 GiB of memory, the largest worker has 2 processors and 512 MiB of memory",
		}},
		"large enough": {{at: 0}, {at: time.Hour, present: []fleet.Present{sized(1, 1<<30), sized(2, 1<<30)}}},
		"changes": {
			{at: 0},
			{at: 5 * time.Second, want: none},
			{at: 6 * time.Second, present: []fleet.Present{has(false, "g")}, want: "no worker has f, which it calls"},
			{at: 7 * time.Second, present: []fleet.Present{has(false, "g", "f")}},
			{at: 8 * time.Second, want: none},
			{at: 9 * time.Second, done: 1},
			{at: 14 * time.Second, done: 1, want: none},
		},
		"Redis is silent": {
			{at: 0}, {at: 5 * time.Second, err: errors.New("refused")}, {at: 14 * time.Second}, {at: 15 * time.Second, want: none},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var now look
			var reported string
			l := &stallWatch{
				progress: func() execution.Progress { return execution.Progress{Status: record.Running, Tasks: 9, Done: now.done} },
				present:  func(context.Context) ([]fleet.Present, error) { return now.present, now.err },
				calls:    []string{"f", "g"}, command: "dagscope worker",
				needs:  []sizedFunction{{"f", engine.Options{}}, {"g", engine.Options{CPUs: 2, Memory: 1 << 30}}},
				report: func(why string) { reported = why },
			}
			for _, now = range looks {
				reported = ""
				l.look(t.Context(), time.Unix(1000, 0).Add(now.at))
				assert.Equal(t, now.want, reported, "after %s", now.at)
			}
		})
	}
}

func TestStallWatchOfPausedRuns(t *testing.T) {
	assert.Contains(t, (&stallWatch{}).why(record.Paused, nil), "it is paused")
}
