package ninja_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/ninja"
)

const (
	diamond   = "ninja/diamond-two-runs-1.11.1.ninja_log"
	graph     = "ninja/diamond.dot"
	compacted = "ninja/restat-recompacted-1.13.2.ninja_log"
)

// read reads files under what the format says that they are.
func read(t *testing.T, files ...records.File) []*records.Run {
	for i := range files {
		r, err := files[i].Open()
		require.NoError(t, err)
		head, err := io.ReadAll(r)
		require.NoError(t, err)
		files[i].Part = ninja.New().Sniff(files[i].Path, head)
	}
	runs := droptest.Read(t, ninja.New(), files...)
	for _, r := range runs {
		droptest.Compiles(t, r)
	}
	return runs
}

func TestClaims(t *testing.T) {
	droptest.Foreign(t, ninja.New(), "ninja")
	for path, want := range map[string]records.Part{diamond: records.Main, compacted: records.Main, graph: records.Companion} {
		require.Equal(t, want, ninja.New().Sniff(path, droptest.Load(t, path)), path)
	}
	require.Equal(t, records.Foreign, ninja.New().Sniff("", droptest.Load(t, "nextflow/hlatyping-pipeline_dag.dot")))
	require.Equal(t, records.Main, ninja.New().Sniff("x", []byte("# ninja log v6\n")))
	require.Equal(t, records.Foreign, ninja.New().Sniff(".ninja_log", []byte("# ninja log")))
}

// plain counts the distinct commands of each run of a log in which runs are where ends go back: their number, the sum
// of their durations and the last end, in milliseconds.
func plain(text string) (counts, sums, ends []int) {
	last, before := -1, ""
	for l := range strings.Lines(text) {
		var start, end, stamp int
		var output, hash string
		if n, _ := fmt.Sscan(l, &start, &end, &stamp, &output, &hash); n < 5 {
			continue
		}
		if end < last || last == -1 {
			counts, sums, ends = append(counts, 0), append(sums, 0), append(ends, 0)
		}
		if now := fmt.Sprint(start, end, hash); now != before {
			counts[len(counts)-1]++
			sums[len(sums)-1] += end - start
			before = now
		}
		ends[len(ends)-1], last = end, end
	}
	return counts, sums, ends
}

func ms(d time.Duration) int { return int(d.Milliseconds()) }

func TestDiamond(t *testing.T) {
	text := string(droptest.Load(t, diamond))
	runs := read(t, droptest.File(diamond, 0, []byte(text)), droptest.File(graph, 0, droptest.Load(t, graph)))
	counts, sums, ends := plain(text)
	require.Equal(t, []int{10, 9, 1}, counts, "the count of the test itself")
	require.Len(t, runs, len(counts))
	for i, r := range runs {
		require.Len(t, r.Tasks, counts[i])
		sum, end := 0, 0
		for _, task := range r.Tasks {
			a := task.Attempts[0]
			require.Len(t, task.Attempts, 1)
			require.Equal(t, record.OutcomeOK, a.Outcome)
			sum += ms(time.Duration(a.Ended - a.Started))
			end = max(end, ms(time.Duration(a.Ended)))
		}
		require.Equal(t, sums[i], sum)
		require.Equal(t, ends[i], end)
		require.True(t, r.Undated)
		require.Equal(t, "2026-11-30", r.Date.Time().Format(time.DateOnly))
		require.Equal(t, "diamond-two-runs-1.11.1", r.Workflow)
		require.Contains(t, fmt.Sprint(r.Notes), fmt.Sprintf("this is run %d of %d in the log", i+1, len(runs)))
	}
	// What build.ninja says, with phony names passed over: a → b, c → d → e1 and e2, zz and imp; r → afterr; oo after c,
	// which is order-only.
	require.Equal(t, map[string]string{
		"r": "", "afterr": "r", "a": "", "g": "", "b": "a", "c": "a", "oo": "c", "d": "b c", "e1": "d", "zz": "d",
	}, parents(runs[0]))
	require.Equal(t, "", parents(runs[2])["zz"])
	functions := map[string]string{}
	for _, task := range runs[0].Tasks {
		functions[task.ID] = task.Function
	}
	require.Equal(t, map[string]string{
		"r": "rs", "afterr": "sl", "a": "sl", "g": "gen", "b": "sl", "c": "sl", "oo": "sl", "d": "sl", "e1": "two", "zz": "two",
	}, functions)
}

// parents are the parents of each task by name.
func parents(r *records.Run) map[string]string {
	all := map[string]string{}
	for _, task := range r.Tasks {
		names := []string{}
		for i, other := range r.Tasks {
			for _, p := range task.Parents {
				if int(p) == i {
					names = append(names, other.ID)
				}
			}
		}
		all[task.ID] = strings.Join(sorted(names), " ")
	}
	return all
}

func sorted(names []string) []string {
	for i := range names {
		for j := range names[:i] {
			if names[i] < names[j] {
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	return names
}

func outputs(r *records.Run) string {
	var all []string
	for _, task := range r.Tasks {
		all = append(all, task.ID)
	}
	return strings.Join(all, " ")
}

// The log was compacted after two runs, which are mixed in it as if they were one: ends never go back.
func TestCompacted(t *testing.T) {
	text := droptest.Load(t, compacted)
	counts, _, _ := plain(string(text))
	require.Equal(t, []int{5}, counts)
	runs := read(t, droptest.File(".ninja_log", 0, text))
	require.Len(t, runs, 2)
	require.Equal(t, "one two afterr", outputs(runs[0]))
	require.Equal(t, "a r", outputs(runs[1]))
	require.Contains(t, fmt.Sprint(runs[0].Notes), "ninja compacted the log")
	require.NotContains(t, fmt.Sprint(runs[1].Notes), "ninja compacted the log")
	for i, want := range []string{"2026-11-30T05:54:45.634", "2026-11-30T05:54:47.383"} {
		require.False(t, runs[i].Undated)
		require.Equal(t, want, runs[i].Started.Time().Format("2006-01-02T15:04:05.000"))
	}
	require.Equal(t, 221, ms(time.Duration(runs[0].Tasks[0].Attempts[0].Ended-runs[0].Started)))
}

func TestCuts(t *testing.T) {
	for _, path := range []string{diamond, compacted} {
		droptest.CutLines(t, ninja.New(), path, droptest.Load(t, path), 200)
	}
	whole := droptest.File(diamond, records.Main, droptest.Load(t, diamond))
	dot := droptest.Load(t, graph)
	_, err := ninja.New().Read(t.Context(), []records.File{whole, droptest.File(graph, records.Companion, dot[:len(dot)-20])})
	require.ErrorIs(t, err, records.ErrFormat)
}

const second = 1_000_000_000

// text is a log; moments of stamps are in milliseconds after a fixed one.
func text(version int, lines ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# ninja log v%d\n", version)
	for _, l := range lines {
		var start, end, stamp int
		var output, hash string
		if _, err := fmt.Sscan(l, &start, &end, &stamp, &output, &hash); err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "%d\t%d\t%d\t%s\t%s\n", start, end, 1_796_000_000*second+stamp*1_000_000, output, hash)
	}
	return []byte(b.String())
}

func TestRuns(t *testing.T) {
	for _, c := range []struct {
		name string
		log  []byte
		want []string
	}{
		{"an output occurs again", text(5, "0 10 8 a 1", "0 20 1018 a 1", "0 30 1028 b 2"), []string{"a", "a b"}},
		{"stamps are too late", text(5, "0 10 8 a 1", "0 12 9 b 2", "0 20 5018 c 3", "5 30 5028 d 4"), []string{"a b", "c d"}},
		{"one stamp is too late", text(5, "0 10 8 a 1", "0 12 9 b 2", "0 20 5018 c 3", "5 30 25 d 4"), []string{"a b c d"}},
		{"an old file was copied", text(5, "0 10 8 a 1", "0 12 -99999999 b 2", "0 20 18 c 3", "5 30 28 d 4"), []string{"a b c d"}},
		{"ends never go back, but starts do", text(7, "5 10 5 a 1", "5 20 1005 b 2", "9 30 1009 c 3"), []string{"a", "b c"}},
		{"a long restat command", text(7, "0 10 0 a 1", "10 900 900 b 2", "901 950 902 c 3"), []string{"a b c"}},
		{"ninja -t restat", text(7, "0 111 111 a 1", "2 312 -1700 r 2", "312 536 536 b 3", "111 536 537 c 4", "1 127 1500 a 1"), []string{"a r b c", "a"}},
		{"mixed", text(7, "9 30 1009 c 3", "5 10 5 a 1", "5 8 5 d 4", "5 20 1005 b 2"), []string{"d a", "b c"}},
		{"mixed, by times of outputs", text(
			5, "9 30 9999 c 3", "5 10 9 a 1", "5 8 8 d 4", "5 7 9977 b 2", "1 5 9975 e 5", "0 3 2 f 6",
		), []string{"f d a", "e b c"}},
		{"the clock went back", text(7, "0 500 0 a 1", "500 900 500 b 2", "0 100 200 a 1", "100 200 300 b 2"), []string{"a b", "a b"}},
		{"no stamps", []byte("# ninja log v7\n0\t5\t0\ta\t1\n0\t9\t0\tb\t2\n0\t3\t0\tc\t3\n"), []string{"a b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			earlier := records.Unknown
			keys := map[string]bool{}
			for _, r := range read(t, droptest.File("out/.ninja_log", 0, c.log)) {
				require.Equal(t, "out", r.Workflow)
				require.False(t, keys[r.Key] && r.Key != "")
				keys[r.Key] = true
				require.True(t, r.Undated || r.Started > earlier)
				earlier = r.Started
				got = append(got, outputs(r))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// Outputs of one command have equal start, end and hash, and so have two commands with the same text; only the graph
// can tell.
func TestOutputs(t *testing.T) {
	log := droptest.File(".ninja_log", 0, text(7, "0 10 0 a 1", "0 10 0 b 1", "0 10 0 c 1"))
	runs := read(t, log)
	require.Equal(t, "a", outputs(runs[0]))
	require.Equal(t, "output b\noutput c\n", runs[0].Tasks[0].Attempts[0].Log)
	dot := `digraph ninja {
"1" [label="a"]
"9" [label="two", shape=ellipse]
"9" -> "1"
"9" -> "2"
"2" [label="b"]
"3" [label="c"]
"4" -> "3" [label=" one"]
"4" [label="src"]
}
`
	runs = read(t, log, droptest.File("g.dot", 0, []byte(dot)))
	require.Equal(t, "a c", outputs(runs[0]))
	require.Equal(t, "two", runs[0].Tasks[0].Function)
	require.Equal(t, "one", runs[0].Tasks[1].Function)
}

// Windows counts file times in units of 100 ns from the end of 2000; ninja before 1.9 wrote seconds.
func TestStamps(t *testing.T) {
	for stamp, want := range map[string]string{
		"1796018085635000000": "2026-11-30T05:54:45.63Z", "8177212856350000": "2026-11-30T05:54:45.63Z",
		"1500000000": "2017-07-14T02:40:00Z", "521703200": "2017-07-14T02:40:00Z",
	} {
		r := droptest.One(t, ninja.New(), ".ninja_log", []byte("# ninja log v6\n0\t5\t"+stamp+"\ta\t1\n"))
		require.Equal(t, want, r.Started.Time().Format("2006-01-02T15:04:05.99Z07:00"), stamp)
	}
}

// A graph of another time says that something waited for what ended later.
func TestContradiction(t *testing.T) {
	dot := "digraph ninja {\n\"3\" -> \"1\" [label=\" r\"]\n\"1\" [label=\"a\"]\n\"2\" [label=\"b\"]\n\"1\" -> \"2\" [label=\" r\"]\n}\n"
	r := read(t, droptest.File("l", 0, text(7, "0 10 0 b 1", "5 20 5 a 2")), droptest.File("g", 0, []byte(dot)))[0]
	require.Empty(t, r.Tasks[0].Parents)
	require.Contains(t, fmt.Sprint(r.Notes), "contradict")
}

func TestFaults(t *testing.T) {
	for log, want := range map[string]string{
		"# ninja log v4\n": `l: line 1: the log is of version "4", expected 5 to 7`,
		"# ninja log v7\n": "l: the log has no commands, expected lines of start, end, stamp, output and hash with tabs between them",
		"":                 "l: line 1: the file is empty",
	} {
		droptest.Refused(t, ninja.New(), "l", []byte(log), want)
	}
	r := droptest.One(t, ninja.New(), "l", []byte("# ninja log v7\n0\t5\t0\ta\t1\nrubbish\n-1\t5\t0\tb\t1\n"))
	require.EqualValues(t, 2, r.Notes[0].Count)
}

// One run of many commands that overlap is one run, whatever order compaction gave it.
func TestOneRun(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var lines []string
	for i, end := range [4]int{} {
		for n := range 500 {
			start := end + random.IntN(20)
			end += random.IntN(100)
			stamp := start + random.IntN(8) - 4
			if n%7 == 0 {
				stamp = start + random.IntN(max(1, end-start)) // of a restat rule
			}
			lines = append(lines, fmt.Sprintf("%d %d %d o%d.%d %x", start, max(start, end), i*10_000_000+stamp, i, n, n))
		}
	}
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	runs := read(t, droptest.File("l", 0, text(7, lines...)))
	require.Len(t, runs, 4)
	for i, r := range runs {
		require.Len(t, r.Tasks, 500)
		for _, task := range r.Tasks {
			require.True(t, strings.HasPrefix(task.ID, fmt.Sprintf("o%d.", i)))
		}
	}
}

// A name for many files that many commands wait for: 40 sources are generated, 400 are compiled after all of them.
func TestJoins(t *testing.T) {
	var lines []string
	var dot strings.Builder
	dot.WriteString("digraph ninja {\n\"p\" [label=\"gen\"]\n\"e\" [label=\"phony\", shape=ellipse]\n\"e\" -> \"p\"\n")
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("0 %d 0 g%d a%x", 10+i, i, i))
		fmt.Fprintf(&dot, "\"g%d\" [label=\"g%d\"]\n\"src\" -> \"g%d\" [label=\" generate\"]\n\"g%d\" -> \"e\" [arrowhead=none]\n", i, i, i, i)
	}
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("60 %d 60 o%d b%x", 70+i, i, i))
		fmt.Fprintf(&dot, "\"o%d\" [label=\"o%d\"]\n\"E%d\" [label=\"cc\", shape=ellipse]\n\"E%d\" -> \"o%d\"\n", i, i, i, i, i)
		fmt.Fprintf(&dot, "\"c%d\" -> \"E%d\" [arrowhead=none]\n\"p\" -> \"E%d\" [arrowhead=none style=dotted]\n", i, i, i)
	}
	dot.WriteString("}\n")
	r := read(t, droptest.File("l", 0, text(7, lines...)), droptest.File("g", 0, []byte(dot.String())))[0]
	require.Len(t, r.Tasks, 441)
	join := r.Tasks[440]
	require.Equal(t, "phony gen", join.ID)
	require.Len(t, join.Parents, 40)
	require.Equal(t, join.Attempts[0].Started, join.Attempts[0].Ended)
	require.Equal(t, 49, ms(time.Duration(join.Attempts[0].Ended-r.Started)))
	require.Equal(t, "phony gen", parents(r)["o7"])
}

func FuzzRead(f *testing.F) {
	dot := []byte("digraph ninja {\n\"1\" [label=\"a\"]\n\"9\" [label=\"phony\", shape=ellipse]\n\"1\" -> \"9\" [arrowhead=none style=dotted]\n\"9\" -> \"2\"\n\"2\" [label=\"b\"]\n}\n")
	f.Add(text(7, "0 10 0 a 1", "5 20 1005 b 2"), dot)
	f.Add(text(5, "0 10 0 a 1", "0 10 0 b 1"), dot)
	f.Fuzz(func(t *testing.T, log, dot []byte) {
		droptest.Try(t, ninja.New(), droptest.File("l", records.Main, log), droptest.File("g", records.Companion, dot))
		droptest.Try(t, ninja.New(), droptest.File("l", records.Main, log))
	})
}
