package otlp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// attemptSpan is the span of an attempt as dagscope exports it, or with change as it does not.
func attemptSpan(id, node, attempt, start int, outcome, links string, change ...string) string {
	values := fmt.Sprintf(`{"traceId":"%s","spanId":"%016x","parentSpanId":"%s","name":"blur","startTimeUnixNano":"%d","endTimeUnixNano":"%d","links":[%s],"attributes":[`,
		traceID, id, rootID, base+start, base+start+100, links)
	for i, part := range []string{
		"task=blur[" + fmt.Sprint(node) + "]", "outcome=" + outcome, "node=" + fmt.Sprint(node), "epoch=0", "attempt=" + fmt.Sprint(attempt),
		"slot=2", "queue_ns=7", "wait_ns=5", "fetch_ns=10", "execute_ns=60",
	} {
		if i > 0 {
			values += ","
		}
		key, value, _ := strings.Cut(part, "=")
		values += fmt.Sprintf(`{"key":"dagscope.%s","value":{"stringValue":"%s"}}`, key, value)
	}
	return strings.NewReplacer(change...).Replace(values + "]}")
}

const base = 1_700_000_000_000_000_000

func link(id int) string { return fmt.Sprintf(`{"traceId":"%s","spanId":"%016x"}`, traceID, id) }

func TestOwnAttempts(t *testing.T) {
	root := fmt.Sprintf(`{"traceId":"%s","spanId":"%s","name":"run","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`, traceID, rootID, base, base+1000)
	spans := []string{
		attemptSpan(2, 0, 1, 10, "retrying", ""), attemptSpan(3, 0, 2, 300, "ok", ""), attemptSpan(4, 1, 1, 500, "lost", link(2)+","+link(3)+","+link(99)), root,
	}
	r := readText(t, request("scopeSpans", strings.Join(spans, ",")))[0]
	require.Len(t, r.Tasks, 2)
	first, second := &r.Tasks[0], &r.Tasks[1]
	require.Equal(t, []string{"blur[0]", "shop: blur"}, []string{first.ID, first.Function})
	require.Equal(t, []record.Outcome{record.OutcomeFailed, record.OutcomeOK}, []record.Outcome{first.Attempts[0].Outcome, first.Attempts[1].Outcome})
	require.Equal(t, []int32{0}, second.Parents, "two attempts of one task, and a span that is not there")
	a := second.Attempts[0]
	require.Equal(t, record.OutcomeLost, a.Outcome)
	require.Equal(t, int32(2), a.Lane)
	require.Equal(t, []records.Moment{base + 493, base + 500, base + 515, base + 575, base + 600}, []records.Moment{a.Ready, a.Claimed, a.Started, a.Ended, a.Over})
	require.Empty(t, a.Log, "what the attempt is made of is not said again")
	require.Equal(t, []records.Moment{base, base + 1000}, []records.Moment{r.Started, r.Ended})

	for name, change := range map[string][]string{
		"no number": {`"7"`, `"x"`}, "below 0": {`"60"`, `"-60"`}, "too large": {`"60"`, `"9000000000000000000"`}, "no outcome": {`"ok"`, `"so so"`},
		"another attribute": {"dagscope.node", "somebody.node"},
	} {
		nested := readText(t, request("scopeSpans", attemptSpan(3, 0, 2, 300, "ok", "", change...)+","+root))[0]
		require.Equal(t, "0000000000000003", nested.Tasks[0].ID, "%s: it is read as any other span", name)
	}
}
