package importer

import (
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
	"github.com/dagscope/dagscope/metricsstore/records/jaeger"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
	"github.com/dagscope/dagscope/metricsstore/records/stdouttrace"
	"github.com/dagscope/dagscope/metricsstore/records/wfformat"
)

// Formats lists the formats of records that can be imported. A file that several of them claim belongs to the first.
func Formats() []records.Format {
	return []records.Format{
		chrometrace.New(),
		jaeger.New(),
		otlp.New(),
		stdouttrace.New(),
		wfformat.New(),
	}
}

// expected says which files can be imported.
const expected = "expected an archive or a recording of a known format, which dagscope import --formats lists"
