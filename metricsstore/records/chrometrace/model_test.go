package chrometrace_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
)

// model is a trace whose spans are known: trees on some lanes, written as any of the kinds of events.
type model struct {
	t      *rapid.T
	clock  int
	names  int
	events []string
	own    map[string]float64 // µs
}

// grow adds a span and what is in it, and returns how long it took.
func (m *model) grow(lane string, depth int) float64 {
	kind := "X"
	if strings.Contains(lane, `"id"`) {
		kind = "b"
	} else if rapid.Bool().Draw(m.t, "as begin and end") {
		kind = "B"
	}
	m.names++
	name := fmt.Sprintf("span %d", m.names)
	m.clock += rapid.IntRange(1, 5).Draw(m.t, "before")
	start := m.clock
	inner := 0.0
	if depth < 5 {
		for range rapid.IntRange(0, 3).Draw(m.t, "children") {
			inner += m.grow(lane, depth+1)
		}
	}
	m.clock += rapid.IntRange(1, 5).Draw(m.t, "after")
	took := float64(m.clock - start)
	m.own[name] = took - inner
	at := func(phase string, ts int, more string) {
		m.events = append(m.events, fmt.Sprintf(`{"ph":%q,"name":%q,"ts":%d,%s%s}`, phase, name, ts, lane, more))
	}
	switch kind {
	case "X":
		at("X", start, fmt.Sprintf(`,"dur":%d`, m.clock-start))
	case "B":
		at("B", start, "")
		at("E", m.clock, "")
	case "b":
		at("b", start, "")
		at("e", m.clock, "")
	}
	return took
}

func TestSpansAreThoseOfTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, own: map[string]float64{}}
		for lane := range rapid.IntRange(1, 4).Draw(t, "lanes") {
			m.clock = rapid.IntRange(-50, 50).Draw(t, "begin")
			place := fmt.Sprintf(`"pid":%d,"tid":%d`, lane%2, lane)
			if rapid.Bool().Draw(t, "asynchronous") {
				place = fmt.Sprintf(`"cat":"c","pid":1,"id":"0x%d"`, lane)
			}
			for range rapid.IntRange(1, 4).Draw(t, "roots") {
				m.grow(place, 0)
			}
		}
		events := rapid.Permutation(m.events).Draw(t, "order")
		text := "[" + strings.Join(events, ",") + "]"
		require.True(t, json.Valid([]byte(text)))
		runs, err := chrometrace.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		require.NoError(t, err)
		recordstest.Laws(t, runs[0])
		got := executed(runs[0], spanName)
		require.Equal(t, m.own, got)
		require.Equal(t, m.names, spans(runs[0]))
	})
}
