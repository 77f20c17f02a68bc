package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

func TestRules(t *testing.T) {
	for text, want := range map[string]record.Rules{
		"no-become": {NoBecome: true},
		"no-become,no-clustering,no-delay,no-inline,no-preload,store-all,cluster=4MiB,inline=16KiB,hold=2s,invokers=16,poison=3": {
			NoBecome: true, NoClustering: true, NoDelay: true, NoInline: true, NoPreload: true, StoreAll: true,
			ClusterBytes: 4 << 20, InlineBytes: 16 << 10, HoldFor: 2 * time.Second, Invokers: 16, PoisonAfter: 3,
		},
		"hold=1500ms,cluster=1.5GiB": {HoldFor: 1500 * time.Millisecond, ClusterBytes: 3 << 29},
	} {
		var r rulesFlag
		require.NoError(t, r.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, record.Rules(r), text)
	}
	for text, want := range map[string]string{
		"":                  `"" is not a rule, expected no-become, `,
		"become":            `"become" is not a rule`,
		"no-become,":        `"" is not a rule`,
		"no-become no-hold": `"no-become no-hold" is not a rule`,
		"no-become=1":       `"no-become=1" is not a rule`,
		"cluster":           `cluster: "" is not a size`,
		"inline=0":          `inline: "0" is not a size`,
		"hold=-1s":          `hold: "-1s" is not a time, expected more than 0`,
		"hold=2":            `hold: time: missing unit`,
		"invokers=0":        `invokers: "0" is not a number, expected 1 or more`,
		"poison=x":          `poison: "x" is not a number`,
	} {
		r := rulesFlag{NoDelay: true}
		require.ErrorContains(t, r.UnmarshalText([]byte(text)), want, text)
		assert.Equal(t, rulesFlag{NoDelay: true}, r, "nothing is taken of %q", text)
	}
}

func TestRulesOnTheCommandLine(t *testing.T) {
	w := newWorld(t)
	o := w.run("run", "sum", "--rules", "no-become,whatever", "--redis", "redis://127.0.0.1:1")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `"whatever" is not a rule, expected no-become,`)
	o = w.run("run", "sum", "--rules", "no-become")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "--rules is given without --redis")

	complete := func(words ...string) string { return w.ok(append([]string{"__complete", "--"}, words...)...) }
	all := "no-become\nno-clustering\nno-delay\nno-inline\nno-preload\nstore-all\ncluster=\ninline=\nhold=\ninvokers=\npoison=\n"
	assert.Equal(t, all, complete("run", "--rules", ""))
	assert.Equal(t, "store-all,no-preload\n", complete("run", "--rules", "store-all,no-p"))
	assert.Equal(t, "hold=2s,inline=\nhold=2s,invokers=\n", complete("run", "--rules", "hold=2s,in"))
	assert.Empty(t, complete("run", "--rules", "no-become,no-b"))
	assert.Equal(t, "--rules=poison=\n", complete("run", "--rules=p"))
}
