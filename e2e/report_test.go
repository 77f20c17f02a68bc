package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
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

// TestReportWithoutScript: whoever may not run scripts reads what the run was, when its slots were busy, and how long its
// functions took.
func TestReportWithoutScript(t *testing.T) {
	u := newUser(t)
	b := newTab(t)
	run, file := u.reportsFlaky()
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.do(chromedp.Navigate("file://" + file))
	assert.Empty(t, value[string](b, "document.getElementById('app').innerHTML"), "no script has run")
	shown := value[string](b, "document.body.innerText")
	for _, want := range []string{"flaky", "Run " + run + " succeeded after", "Busy slots over time", "Time of execution, by function", "dagscope import"} {
		assert.Contains(t, shown, want)
	}
	assert.Positive(t, value[float64](b, "document.querySelector('main.still svg path').getBBox().width"))
	rows := value[[]string](b, "[...document.querySelectorAll('main.still tbody tr')].map((row) => row.cells[0].innerText)")
	var stats struct {
		Statistics []struct{ Group struct{ Function string } }
	}
	u.json(&stats, "stats", run, "--json", "--metric", "execute_ns")
	require.NotEmpty(t, stats.Statistics)
	assert.Len(t, rows, len(stats.Statistics))
	for _, g := range stats.Statistics {
		assert.Contains(t, rows, g.Group.Function)
	}
}

// TestPaperIsWhite: what was painted for a dark screen is painted again for paper, for which no frames come, and back.
func TestPaperIsWhite(t *testing.T) {
	u := newUser(t)
	b := newTab(t)
	b.accept("willReadFrequently")
	_, file := u.reportsFlaky()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	b.open("file://" + file)
	b.complete()
	corner := func(event string) []int { // of the first picture, in the same task as the event
		return value[[]int](b, "(() => { "+event+"const c = document.querySelector('canvas'); return [...c.getContext('2d').getImageData(0, 0, 1, 1).data.slice(0, 3)]; })()")
	}
	dark := corner("")
	for _, c := range dark {
		assert.Less(t, c, 64)
	}
	for _, c := range corner("dispatchEvent(new Event('beforeprint')); ") {
		assert.Greater(t, c, 192)
	}
	value[bool](b, "dispatchEvent(new Event('afterprint'))")
	b.idle()
	assert.Equal(t, dark, corner(""))
}

// reportsFlaky runs a workflow that retries, and makes its report.
func (u *user) reportsFlaky() (run, file string) {
	u.t.Helper()
	var ran report
	u.json(&ran, "run", "--json", "flaky", "--set", "fails=1")
	file = filepath.Join(u.t.TempDir(), "run.html")
	u.ok("export", ran.Run, "--format", "html", "--output", file)
	return ran.Run, file
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
