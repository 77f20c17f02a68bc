package redis

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"
)

// before is a folder with the scripts of an earlier revision, for BenchmarkScripts.
var before = flag.String("before", "", `folder with a folder "scripts" that BenchmarkScripts compares with`)

// BenchmarkScripts compares commit.lua with an earlier revision of it, in one run: rounds alternate between the two,
// and only the CPU time of the server's main thread counts. "ratio" is the present cost divided by the earlier one, and
// "µs/commit" is the present cost.
//
//	git archive REVISION engine/state/redis/scripts | tar -x -C FOLDER
//	go test -run '^$' -bench Scripts -benchtime 1x ./engine/state/redis -before FOLDER/engine/state/redis
func BenchmarkScripts(b *testing.B) {
	if *before == "" {
		b.Skip("expected -before FOLDER")
	}
	present := commitScript
	b.Cleanup(func() { commitScript = present })
	earlier := newScriptFrom(os.DirFS(*before).(fs.ReadFileFS), commitFiles...)
	for _, c := range []struct {
		ends  int
		edges bool
	}{{1, false}, {1, true}, {16, true}, {256, true}} {
		b.Run(fmt.Sprintf("ends=%d/edges=%t", c.ends, c.edges), func(b *testing.B) {
			for b.Loop() {
				ratio, cost := rounds(b, c.ends, c.edges, earlier, present)
				b.ReportMetric(ratio, "ratio")
				b.ReportMetric(cost, "µs/commit")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// rounds plays rounds of commits with both scripts, and returns the median of the ratios of adjacent rounds, which a
// machine that is busy at times does not change, and the median cost of the present script in µs.
func rounds(b *testing.B, ends int, edges bool, earlier, present *script) (ratio, cost float64) {
	const pairs, commits = 150, 100
	backend, server := open(b)
	client := server.Client(b)
	p := newPlayer(b, backend, "run", ends*(commits+2))
	p.edges = edges
	round := func(s *script) float64 {
		commitScript = s
		p.begin(b)
		p.play(b, ends, 1) // caches the script, and claims the first nodes
		start := mainThread(b, client)
		for range commits {
			p.play(b, ends, 1)
		}
		return float64((mainThread(b, client) - start).Microseconds()) / commits
	}
	var ratios, costs []float64
	for i := range pairs {
		var was, is float64
		if i%2 == 0 {
			was, is = round(earlier), round(present)
		} else {
			is, was = round(present), round(earlier)
		}
		ratios, costs = append(ratios, is/was), append(costs, is)
	}
	return median(ratios), median(costs)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
