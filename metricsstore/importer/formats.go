package importer

import (
	"fmt"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/airflow"
	"github.com/dagscope/dagscope/metricsstore/records/argo"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
	"github.com/dagscope/dagscope/metricsstore/records/cromwell"
	"github.com/dagscope/dagscope/metricsstore/records/cwlprov"
	"github.com/dagscope/dagscope/metricsstore/records/dask"
	"github.com/dagscope/dagscope/metricsstore/records/dbt"
	"github.com/dagscope/dagscope/metricsstore/records/doit"
	"github.com/dagscope/dagscope/metricsstore/records/githubactions"
	"github.com/dagscope/dagscope/metricsstore/records/goaction"
	"github.com/dagscope/dagscope/metricsstore/records/gotestjson"
	"github.com/dagscope/dagscope/metricsstore/records/jaeger"
	"github.com/dagscope/dagscope/metricsstore/records/junit"
	"github.com/dagscope/dagscope/metricsstore/records/makeflow"
	"github.com/dagscope/dagscope/metricsstore/records/meson"
	"github.com/dagscope/dagscope/metricsstore/records/moon"
	"github.com/dagscope/dagscope/metricsstore/records/nextflow"
	"github.com/dagscope/dagscope/metricsstore/records/ninja"
	"github.com/dagscope/dagscope/metricsstore/records/nx"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
	"github.com/dagscope/dagscope/metricsstore/records/parallel"
	"github.com/dagscope/dagscope/metricsstore/records/pegasus"
	"github.com/dagscope/dagscope/metricsstore/records/remake"
	"github.com/dagscope/dagscope/metricsstore/records/slurm"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
	"github.com/dagscope/dagscope/metricsstore/records/stdouttrace"
	"github.com/dagscope/dagscope/metricsstore/records/table"
	"github.com/dagscope/dagscope/metricsstore/records/tekton"
	"github.com/dagscope/dagscope/metricsstore/records/temporal"
	"github.com/dagscope/dagscope/metricsstore/records/toil"
	"github.com/dagscope/dagscope/metricsstore/records/turborepo"
	"github.com/dagscope/dagscope/metricsstore/records/wfformat"
)

// Formats lists the formats of records that can be imported. A file that several of them claim belongs to the first; a
// plain table is what no tool is known to write.
func Formats() []records.Format {
	return []records.Format{
		airflow.New(),
		argo.New(),
		chrometrace.New(),
		cromwell.New(),
		dask.New(),
		dbt.New(),
		doit.New(),
		cwlprov.New(),
		githubactions.New(),
		goaction.New(),
		gotestjson.New(),
		jaeger.New(),
		junit.New(),
		makeflow.New(),
		meson.New(),
		moon.New(),
		nextflow.New(),
		ninja.New(),
		nx.New(),
		otlp.New(),
		parallel.New(),
		pegasus.New(),
		remake.New(),
		slurm.New(),
		snakemake.New(),
		spark.New(),
		stdouttrace.New(),
		tekton.New(),
		temporal.New(),
		toil.New(),
		turborepo.New(),
		wfformat.New(),
		table.New(),
	}
}

// Snippet returns the program with which people make a better record of a tool, by the name of its format; false if
// there is none.
func Snippet(format string) (program string, ok bool) {
	for _, f := range Formats() {
		if s, has := f.(records.Snippet); has && f.Name() == format {
			return s.Snippet(), true
		}
	}
	return "", false
}

// Mapped returns the one format that reads plain tables whose columns mean what mapping says, such as
// start=begin_ts,end=end_ts,name=job. The error is ErrFile and lists the fields that there are.
func Mapped(mapping string) ([]records.Format, error) {
	m, err := table.Parse(mapping)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return []records.Format{table.NewMapped(m)}, nil
}

// expected says which files can be imported.
const expected = "expected an archive or a recording of a known format, which dagscope import --formats lists"
