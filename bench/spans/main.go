// Command spans sends spans with OpenTelemetry's own SDK for Go, as a service does that points its exporter at dagscope:
//
//	go run ./spans -url http://127.0.0.1:8080 -rate 2000 -for 10s
//
// Each line on standard output is a span that was acknowledged: the ID of its trace and its own. Spans whose export failed
// are in no line; the SDK drops them when it has tried for long enough.
//
// A tenth of the spans is in one trace that lasts as long as the program. The others are in traces of 1,000 spans that
// take four seconds each. Each trace has a root that ends last.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "the `address` of the service")
	rate := flag.Int("rate", 2000, "how many `spans` a second, at least 1000")
	lasts := flag.Duration("for", 10*time.Second, "how long spans are made, at least 5s")
	flag.Parse()
	if err := run(*url, *rate, *lasts, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "spans:", err)
		os.Exit(1)
	}
}

func run(url string, rate int, lasts time.Duration, out io.Writer) error {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		return err
	}
	noted := &noting{SpanExporter: exporter, out: bufio.NewWriter(out)}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(noted, trace.WithBatchTimeout(100*time.Millisecond), trace.WithMaxQueueSize(1<<17)),
		trace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "shop"), attribute.String("host.name", "h1"), attribute.Int("process.pid", os.Getpid()))),
	)
	makeTraces(provider.Tracer("spans"), rate, lasts)
	if err := provider.Shutdown(ctx); err != nil {
		return err
	}
	return noted.out.Flush()
}

// noting is an exporter that writes down what was acknowledged. The SDK calls it once at a time.
type noting struct {
	trace.SpanExporter
	out *bufio.Writer
}

func (n *noting) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	if err := n.SpanExporter.ExportSpans(ctx, spans); err != nil {
		return err
	}
	for _, s := range spans {
		fmt.Fprintln(n.out, s.SpanContext().TraceID(), s.SpanContext().SpanID())
	}
	return n.out.Flush()
}

// The traces that follow one another.
const (
	perTrace   = 1000
	traceLasts = 4 * time.Second
)

// makeTraces makes traces for some time: one long one, and others that begin evenly.
func makeTraces(tracer api.Tracer, rate int, lasts time.Duration) {
	var all sync.WaitGroup
	all.Go(func() { makeTrace(tracer, "stock", rate/10*int(lasts/time.Second), lasts) })
	next := time.NewTicker(time.Second * perTrace * 10 / time.Duration(rate*9))
	defer next.Stop()
	for until := time.Now().Add(lasts - traceLasts); time.Now().Before(until); <-next.C {
		all.Go(func() { makeTrace(tracer, "order", perTrace, traceLasts) })
	}
	all.Wait()
}

// makeTrace makes a trace of some spans, one after the other below its root, that takes some time in all.
func makeTrace(tracer api.Tracer, name string, spans int, lasts time.Duration) {
	ctx, root := tracer.Start(context.Background(), name)
	defer root.End()
	step := time.NewTicker(lasts / time.Duration(spans))
	defer step.Stop()
	for n := range spans - 1 {
		_, span := tracer.Start(ctx, fmt.Sprintf("%s %c", name, 'a'+n%7), api.WithAttributes(attribute.Int("n", n)))
		<-step.C
		span.End()
	}
}
