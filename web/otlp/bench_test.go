package otlp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/otlp"
)

// BenchmarkReceive acknowledges requests of 100 spans of one trace from several clients: the bytes are those of the
// request.
func BenchmarkReceive(b *testing.B) {
	var spans []string
	for n := range 100 {
		spans = append(spans, strings.Replace(span(7, n+2, 1, n*10, n*10+9), "}", fmt.Sprintf(`,"kind":2,"attributes":[{"key":"http.url","value":{"stringValue":"https://shop.example/items/%d"}}]}`, n), 1))
	}
	text := []byte(request(spans...))
	packed, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: inProtobuf()}}}}})
	require.NoError(b, err)
	for kind, body := range map[string][]byte{"application/json": text, "application/x-protobuf": packed} {
		b.Run(strings.TrimPrefix(kind, "application/"), func(b *testing.B) {
			r, err := otlp.New(otlp.Config{Store: memory.New(), Dir: b.TempDir(), Settle: time.Hour, MaxJournal: 1 << 40})
			require.NoError(b, err)
			b.SetBytes(int64(len(body)))
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req := httptest.NewRequest(http.MethodPost, "/v1/traces", bytes.NewReader(body))
					req.Header.Set("Content-Type", kind)
					w := httptest.NewRecorder()
					r.ServeHTTP(w, req)
					if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "spans") {
						b.Error(w.Body.String())
					}
				}
			})
			b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "spans/s")
		})
	}
}

func inProtobuf() (spans []*tracepb.Span) {
	for n := range uint64(100) {
		spans = append(spans, &tracepb.Span{
			TraceId: append(make([]byte, 15), 7), SpanId: binary.BigEndian.AppendUint64(nil, n+2), ParentSpanId: binary.BigEndian.AppendUint64(nil, 1),
			Name: "op", Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: base + n*10, EndTimeUnixNano: base + n*10 + 9,
			Attributes: []*commonpb.KeyValue{{Key: "http.url", Value: &commonpb.AnyValue{
				Value: &commonpb.AnyValue_StringValue{StringValue: fmt.Sprintf("https://shop.example/items/%d", n)},
			}}},
		})
	}
	return spans
}
