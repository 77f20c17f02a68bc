package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

// input is a file that is made from a real record.
type input struct {
	name   string // the file's
	source string // the record, in the folder of traces
	size   int64  // bytes that are made
	format records.Format
	// repeat makes a file of about that size, at least one repetition.
	repeat func(w io.Writer, source []byte, size int64) error
	// decode reads the file with encoding/json/v2 into structs of what the format uses, and counts attempts.
	decode func(r io.Reader) (int, error)
}

// inputs are the files that are measured.
func inputs() []input {
	return []input{
		{
			// Mostly tasks, four kilobytes each.
			name: "spark-tasks", source: "spark/spark-3.1.1-resubmitted-tail.zstd", size: 1 << 30,
			format: spark.New(), repeat: repeatSpark, decode: decodeSpark,
		},
		{
			// Mostly plans of SQL.
			name: "spark-sql", source: "spark/spark-4.1.0-app-attempt-2.zstd", size: 256 << 20,
			format: spark.New(), repeat: repeatSpark, decode: decodeSpark,
		},
		{
			name: "otlp", source: "otlp-json/js-two-batches.jsonl", size: 100 << 20,
			format: otlp.New(), repeat: repeatOTLP, decode: decodeOTLP,
		},
		{
			// Operators within each other, kernels, and flows between them.
			name: "chrome", source: "chrome-trace/pytorch-rocm-float-us.json.gz", size: 200 << 20,
			format: chrometrace.New(), repeat: repeatChrome, decode: decodeChrome,
		},
	}
}

// enlarge makes the file of an input.
func enlarge(path string, in input, source []byte, size int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := in.repeat(w, source, size); err != nil {
		return fmt.Errorf("repeat %s: %w", in.source, err)
	}
	return w.Flush()
}

// load reads a real record and decompresses it.
func load(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(content, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case bytes.HasPrefix(content, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return content, nil
}
