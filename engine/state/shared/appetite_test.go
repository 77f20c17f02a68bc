package shared

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each event leads from each state to one state, as STATES.md draws it.
func TestAppetite(t *testing.T) {
	short := func(a *appetite) { a.answered(true) }
	enough := func(a *appetite) { a.answered(false) }
	for _, c := range []struct {
		name             string
		event            func(*appetite)
		fed, dry, hinted appetite // where it leads from each
	}{
		{"hint", (*appetite).hint, hinted, hinted, hinted},
		{"change", (*appetite).changed, fed, fed, hinted},
		{"draft", (*appetite).drafted, fed, dry, fed},
		{"short answer", short, dry, dry, hinted},
		{"answer with enough", enough, fed, fed, hinted},
	} {
		for from, want := range map[appetite]appetite{fed: c.fed, dry: c.dry, hinted: c.hinted} {
			got := from
			c.event(&got)
			assert.Equal(t, want, got, "%s in state %d", c.name, from)
		}
	}
}
