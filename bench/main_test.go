package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

func small() []bench.Shape {
	return []bench.Shape{{Kind: bench.Tree, Size: 1}, {Kind: bench.Tree, Size: 13}, {Kind: bench.Fan, Size: 6}, {Kind: bench.Chain, Size: 9}}
}

func TestPeersComputeTheShapes(t *testing.T) {
	for _, p := range peers() {
		for _, s := range small() {
			run, err := p.prepare(s)
			require.NoError(t, err)
			for range 2 {
				got, err := run()
				require.NoError(t, err)
				require.Equal(t, s.Want(), got, "%s, %s", p.name, s)
			}
		}
	}
}

// report has a figure for each mode of each shape, so that there are ratios.
func report() bench.Report {
	var r bench.Report
	for _, s := range small() {
		one := bench.Stat{Min: 1000, Median: 1000}
		result := bench.Result{Shape: s, Tasks: s.Tasks()}
		for _, m := range []bench.Mode{bench.Floor, bench.Bare, bench.Steps, bench.Archive} {
			result.Modes = append(result.Modes, bench.Figure{Mode: m, Makespan: one, Drained: one, CPU: one})
		}
		r.Shapes = append(r.Shapes, result)
	}
	return r
}

func TestComparePeers(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, comparePeers(t.Context(), &out, options{rounds: 1}, report()))
	require.Contains(t, out.String(), "heimdalr/dag v1.5.0, tree 13")
}

func TestDaskIsNotInstalled(t *testing.T) {
	var out bytes.Buffer
	o := options{rounds: 1, python: filepath.Join(t.TempDir(), "python3")}
	require.NoError(t, compareDask(t.Context(), &out, o, report()))
	require.Contains(t, out.String(), "apt-get install python3-dask python3-numpy")
}

// TestDask: the script checks every sum itself, and the words are compared with ours.
func TestDask(t *testing.T) {
	if testing.Short() {
		t.Skip("Dask starts processes, which takes seconds")
	}
	d := dask{"/usr/bin/python3"}
	if d.missing(t.Context()) {
		t.Skip("no Dask for Debian's python3: apt-get install python3-dask python3-numpy")
	}
	var out bytes.Buffer
	require.NoError(t, d.compareScheduling(t.Context(), &out, 1, report()))
	for _, text := range []string{"with BLAS /", "sync of graph, tree 13", "threads of delayed, chain 9", "goal >= 60"} {
		require.Contains(t, out.String(), text)
	}
	require.NoError(t, d.compareWorkloads(t.Context(), &out, 1))
	for _, text := range []string{"gemm-blocked, sync", "svd-tall, threads", "wordcount, processes", "time of Dask's best / engine"} {
		require.Contains(t, out.String(), text)
	}
}

func TestWordsAreCompared(t *testing.T) {
	counts := map[string]int{"a": 2, "b": 1}
	require.NoError(t, sameWords(counts, daskLine{Words: 3, Distinct: 2}))
	require.ErrorContains(t, sameWords(counts, daskLine{Words: 4, Distinct: 2}), "3 words, 2 different ones")
}

func TestUnknownFlag(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"-nothing"}, &bytes.Buffer{}), "nothing")
}
