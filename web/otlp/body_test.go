package otlp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// request has n spans, of which each is of a trace of its own, if apart; its resource comes last.
func request(n int, apart bool, resource string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceSpans":[{"scopeSpans":[{"spans":[`)
	for i := range n {
		trace := 1
		if apart {
			trace += i
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"traceId":"%032x","spanId":"%016x","name":"n"}`, trace, i+1)
	}
	fmt.Fprintf(&b, `]}],"resource":%s}]}`, resource)
	return b.Bytes()
}

// TestSplitTakesLinearTime: a resource behind its spans and a missing scope are looked for once.
func TestSplitTakesLinearTime(t *testing.T) {
	began := time.Now()
	s, err := splitJSON(request(50_000, false, `{"attributes":[]}`))
	require.NoError(t, err)
	require.Equal(t, 50_000, s.lines()[0].Parts)
	require.Less(t, time.Since(began), 20*time.Second)
}

// TestSplitIsBounded: a large resource is not copied for any number of traces.
func TestSplitIsBounded(t *testing.T) {
	resource := `{"x":"` + strings.Repeat("x", 1<<20) + `"}`
	s, err := splitJSON(request(60, true, resource))
	require.NoError(t, err)
	require.Len(t, s.lines(), 60)
	_, err = splitJSON(request(20_000, true, resource))
	require.ErrorIs(t, err, errSplit)
}
