package app

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

var colours = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestColours: painted tables are what plain ones are, and only words of status are painted.
func TestColours(t *testing.T) {
	paint := func(colour bool) string {
		var out bytes.Buffer
		s := &session{program: &program{colour: colour, stdout: &out}, flags: &commonFlags{}}
		table := newTable(left("run"), s.statusColumn("status"), right("tasks"), left("tags"))
		for _, status := range []record.Status{record.Succeeded, record.Failed, record.Cancelled, record.Running, record.Interrupted, "other"} {
			table.add("x", string(status), "1,000", "")
			table.add("xyz", s.flags.Data, "7", "tag")
		}
		require.NoError(t, table.print(&out))
		return out.String()
	}
	plain := paint(false)
	assert.NotContains(t, plain, "\x1b")
	assert.Equal(t, plain, colours.ReplaceAllString(paint(true), ""))
	assert.Contains(t, paint(true), "\x1b[32msucceeded\x1b[39m")
	assert.Contains(t, paint(true), "\x1b[31mfailed\x1b[39m")
}

// TestTable: columns are as wide as their widest cell, in characters and not in bytes.
func TestTable(t *testing.T) {
	table := newTable(left("name"), right("time"), left("last"))
	table.add("ä", "1 µs", "x")
	table.add("abcdef", "≈ 12 µs", "")
	var out bytes.Buffer
	require.NoError(t, table.print(&out))
	assert.Equal(t, "name       time  last\nä          1 µs  x\nabcdef  ≈ 12 µs\n", out.String())
}

// TestBar: on a terminal a bar is drawn, and taken away again.
func TestBar(t *testing.T) {
	w := newWorld(t)
	var stderr bytes.Buffer
	p := &program{
		name: "dagscope", workflows: testWorkflows(), stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &stderr,
		bars: true,
	}
	code := p.run(t.Context(), []string{"run", "wait", "--set", "time=300ms", "--data", w.dir})
	assert.Equal(t, exitOK, code, stderr.String())
	lines := strings.Split(strings.TrimRight(stderr.String(), "\r\n"), "\r")
	assert.Contains(t, stderr.String(), "wait   0% |")
	assert.Regexp(t, `^\w{20}  wait succeeded after 3\d\d ms.*: 1 of 1 task done$`, lines[len(lines)-1])
}
