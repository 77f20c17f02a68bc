package remake_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records/remake"
)

const diamond = "remake-profile/diamond-j2.callgrind"

// The raw file is counted by itself: the line after each fn= has the time of the recipe.
func TestDiamond(t *testing.T) {
	droptest.Foreign(t, remake.New(), "remake-profile")
	raw := droptest.Load(t, diamond)
	r := droptest.One(t, remake.New(), diamond, raw)
	var want, got time.Duration
	found := regexp.MustCompile(`(?m)^fn=.*\n\d+ \d+ (\d+)$`).FindAllStringSubmatch(string(raw), -1)
	for _, m := range found {
		us, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		want += time.Duration(us) * time.Microsecond
	}
	parents := map[string][]string{}
	for _, task := range r.Tasks {
		got += task.Attempts[0].Runtime
		for _, p := range task.Parents {
			parents[task.ID] = append(parents[task.ID], r.Tasks[p].ID)
		}
	}
	require.Len(t, r.Tasks, len(found))
	require.Len(t, r.Tasks, 7)
	require.Equal(t, want, got)
	// In the makefile, c needs a as well, which b had already requested.
	require.Equal(t, map[string][]string{"b": {"a"}, "d": {"c", "b"}, "all": {"f2", "f1", "d"}}, parents)
	require.Equal(t, 1111728*time.Microsecond, r.Makespan)
	require.Equal(t, 2, r.Workers[0].Cores)
	require.Equal(t, "make mk", r.Workflow)
	droptest.CutLines(t, remake.New(), diamond, raw, 200)
}

func TestFaults(t *testing.T) {
	droptest.Refused(t, remake.New(), "x", []byte("version: 1\ncreator: remake 4\n\n"), "the profile has no targets, expected lines with fn= and their times")
	droptest.Refused(t, remake.New(), "x", []byte("fn=a\n1 2\n"), "x: line 2: expected a line, a wall time and a recipe time in microseconds")
	r := droptest.One(t, remake.New(), "x", []byte("version: 1\ncreator: remake 4\ncmd: remake -j --profile\n\nfn=a\n1 2 3\ncfn=z\ncalls=1 1\n1 2 3\nfn=a\n"))
	require.NotEmpty(t, r.Incomplete)
	require.Zero(t, r.Workers[0].Cores)
	require.Equal(t, "a (2)", r.Tasks[1].ID)
	require.Empty(t, r.Tasks[1].Attempts)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("version: 1\ncreator: remake 4\ncmd: remake -j2\nsummary: 5\nfl=/a/Makefile\nfn=a\n1 2 3\ncfn=b\ncalls=1 1\n1 2 3\nfn=b\n1 2 3\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, remake.New(), droptest.File("x", 2, raw))
	})
}
