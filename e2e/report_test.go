package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReport: the file of a run shows what the service shows at every moment, without a service, cannot reach the network,
// and is imported again as the run that it is of.
func TestReport(t *testing.T) {
	u := newUser(t)
	runs := append(exported(t, u), u.importsJobs())
	s, b := dashboard(t, u)
	dir, to := t.TempDir(), newUser(t)
	b.accept("Content Security Policy")
	b.accept("violates the document's Content")
	for _, run := range runs {
		file := filepath.Join(dir, run+".html")
		u.ok("export", run, "--format", "html", "--output", file)
		b.openRun(s, run)
		end := b.endNS()
		moments := []int64{0, end / 3, end / 2, end - 1, end}
		var want []map[string]string
		for _, at := range moments {
			want = append(want, b.states(at))
		}

		b.open("file://" + file)
		b.complete()
		assert.Equal(t, end, b.endNS())
		for i, at := range moments {
			assert.Equal(t, want[i], b.states(at), "%s at %d", run, at)
		}
		assert.Zero(t, value[int](b, "performance.getEntriesByType('resource').filter((r) => !r.name.startsWith('data:')).length"))
		assert.True(t, value[bool](b, "fetch("+strconv.Quote(s.url+"/healthz")+").then(() => false, () => true)"), "the policy forbids requests")
		assert.Equal(t, "none", value[string](b, "getComputedStyle(document.querySelector('main.still')).display"))
		assert.NotContains(t, b.seen(), "Delete")

		var list importList
		to.json(&list, "import", file)
		require.Len(t, list.Files, 1)
		for user, name := range map[*user]string{u: "before", to: "after"} {
			user.ok("export", run, "--output", filepath.Join(dir, name))
		}
		assert.Equal(t, contents(t, filepath.Join(dir, "before")), contents(t, filepath.Join(dir, "after")), run)
	}
	b.navigatesInReport(runs[len(runs)-1])
	s.ends()
}

// navigatesInReport goes to a page that the report lacks and back, which its address keeps.
func (b *tab) navigatesInReport(run string) {
	b.t.Helper()
	b.find("link", "Runs").click()
	b.find("link", "Back to the run").click()
	b.complete()
	assert.Equal(b.t, "#/runs/"+run, value[string](b, "location.hash"))
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
