package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// countedOnce checks that roll-ups count so many runs and so many attempts that ended well.
func (f *fleet) countedOnce(runs, attempts int) {
	f.t.Helper()
	var got statistics
	f.json(&got, "stats", "--redis", f.server.URL(), "--group-by", "none")
	assert.Equal(f.t, []int{runs, attempts}, []int{got.Runs, got.Succeeded}, "runs and attempts that are rolled up")
}

// TestSharedServiceRestarts: a run does not notice that services are killed or ended; the next one shows it
// from its beginning and records its end.
func TestSharedServiceRestarts(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "--slots", "2")
	s := f.serves()
	run := s.submitChains(60, 0).Run
	s.until(run, "some ends", func(got summary) bool { return got.Tasks.Done > 8 })
	s.kill()
	assert.Equal(t, -1, s.wait().code)

	s = f.serves()
	first := s.until(run, "more ends", func(got summary) bool { return got.Tasks.Done > 40 })
	assert.True(t, first.Live && first.Local, "%+v", first)
	assert.Contains(t, s.ends().stderr, "active runs continue in other processes")

	s = f.serves()
	assert.True(t, s.summaryOf(run).Live, "it goes on")
	got := s.ended(run)
	assert.Equal(t, []any{"succeeded", 240}, []any{got.Status, got.Tasks.Done})
	f.countedOnce(1, 240)
	requireOnce(t, f.recorded(run), 240)
	f.ok("check", "--redis", f.server.URL())
	s.ends()
	f.endWorkers()
}

// TestTwoServices: two services show a run while it is active, wherever it was submitted, and the same of it when it has
// ended; it is archived and rolled up once.
func TestTwoServices(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "--slots", "2")
	both := []*service{f.serves(), f.serves()}
	runs := []string{both[0].submitChains(30, 0).Run, both[1].submitChains(30, 0).Run}
	for _, s := range both {
		for _, run := range runs {
			eventually(t, "that both know the run", func() bool { return s.do("GET", "/api/v1/runs/"+run, nil, nil).status == 200 })
			s.until(run, "some ends", func(got summary) bool { return got.Live && got.Tasks.Done > 4 })
			var live runtable.Copy
			s.follow(run, "", &live, func(runtable.Frame) bool { return live.Rows() > 8 })
			assert.False(t, live.Ended())
		}
	}
	for _, run := range runs {
		var tables []*runtable.Copy
		for _, s := range both {
			got := s.ended(run)
			assert.Equal(t, []any{"succeeded", 120}, []any{got.Status, got.Tasks.Done})
			tables = append(tables, s.tableOf(run))
		}
		require.Equal(t, tables[0].Rows(), tables[1].Rows())
		for i := range tables[0].Rows() {
			assert.Equal(t, tables[0].Row(i), tables[1].Row(i), "row %d", i)
		}
		requireOnce(t, f.recorded(run), 120)
	}
	f.countedOnce(2, 240)
	f.ok("check", "--redis", f.server.URL())
	for _, s := range both {
		s.ends()
	}
	f.endWorkers()
}

// TestSubmitterIsKilled: a run that was accepted ends without the process that submitted it, and its record is whole, whether a
// service watches or comes later.
func TestSubmitterIsKilled(t *testing.T) {
	t.Parallel()
	for name, watched := range map[string]bool{"while a service looks on": true, "and a service comes later": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 2, "--slots", "2")
			var s *service
			if watched {
				s = f.serves()
			}
			file := chains(4, 30, 0.05).file(t)
			p := f.start("run", "wfformat", "--redis", f.server.URL(), "--set", "file="+file, "--set", "time_scale=1")
			run := p.runID()
			p.kill()
			assert.Equal(t, -1, p.wait().code)
			if !watched {
				s = f.serves()
			}
			eventually(t, "that the service knows the run", func() bool { return s.do("GET", "/api/v1/runs/"+run, nil, nil).status == 200 })
			got := s.ended(run)
			assert.Equal(t, []any{"succeeded", 120}, []any{got.Status, got.Tasks.Done})
			requireOnce(t, f.recorded(run), 120)
			f.countedOnce(1, 120)
			s.ends()
			f.endWorkers()
		})
	}
}
