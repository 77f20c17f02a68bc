package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cachedJobs is a table of jobs as another tool might write it: half of them took their output from a cache.
const cachedJobs = `name,start,end,status,depends_on
fetch,2026-11-28T09:30:00Z,2026-11-28T09:30:00Z,cached,
unpack,2026-11-28T09:30:00Z,2026-11-28T09:30:04Z,cached,fetch
build,2026-11-28T09:30:04Z,2026-11-28T09:30:40Z,ok,unpack
test,2026-11-28T09:30:40Z,2026-11-28T09:31:00Z,ok,build
`

// importsJobs imports cachedJobs and returns the ID of the run.
func (u *user) importsJobs() string {
	u.t.Helper()
	file := filepath.Join(u.t.TempDir(), "jobs.csv")
	require.NoError(u.t, os.WriteFile(file, []byte(cachedJobs), 0o600))
	var list importList
	u.json(&list, "import", file)
	require.Len(u.t, list.Files, 1)
	return list.Files[0].Run
}

// TestCachedOnPage: a run of another engine is found by its engine, its page says what was cached and what is known of
// the recording, and what was cached is no execution anywhere.
func TestCachedOnPage(t *testing.T) {
	u := newUser(t)
	u.ok("run", "tree-reduction", "--set", "n=4")
	run := u.importsJobs()
	s, b := dashboard(t, u)
	b.open(s.url + "/")
	b.find("combobox", "Engine of the runs").fill("table")
	b.until("the address has the filter", "location.search === '?engine=table'")
	b.idle()
	assert.Contains(t, b.seen(), "1 of 1 run.")
	assert.Contains(t, b.seen(), "2 cached")

	b.openRun(s, run)
	assert.Equal(t, map[string]int{"cached": 2, "succeeded": 2}, tally(b.states(b.endNS())))
	seen := b.seen()
	for _, text := range []string{
		"2 of 4 tasks were cached.", "From cache", "50\u00a0% not executed", "What the recording says", "Inferred", "Columns were guessed",
	} {
		assert.Contains(t, seen, text)
	}
	assert.Equal(t, "fetching", b.states(2e9)["unpack"], "nothing is executed while an output is taken from the cache")
	b.find("link", "table").click()
	b.until("the list has the engine's runs", "location.search === '?engine=table'")
	s.ends()
}
