package table_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/table"
)

// job is a row of the file of the tests.
type job struct {
	ID      string    `parquet:"job_id"`
	Started time.Time `parquet:"started,timestamp(microsecond)"`
	Seconds float64   `parquet:"duration_s"`
	Deps    []string  `parquet:"deps,list"`
	State   *string   `parquet:"state,optional"`
	Exit    int32     `parquet:"exit_code"`
	CPU     int64     `parquet:"cpu_s,decimal(3:18)"`
	Extra   nested    `parquet:"extra"`
}

type nested struct {
	A, B int64
}

func parquetFile(t testing.TB) []byte {
	start := time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)
	failed := "failed"
	var b bytes.Buffer
	w := parquet.NewGenericWriter[job](&b, parquet.Compression(&parquet.Zstd))
	_, err := w.Write([]job{
		{ID: "a", Started: start, Seconds: 1.5},
		{ID: "b", Started: start.Add(2 * time.Second), Seconds: 3, Deps: []string{"a"}, State: &failed, Exit: 3, CPU: 1250},
	})
	require.NoError(t, err)
	require.NoError(t, w.Flush()) // a second group
	_, err = w.Write([]job{{ID: "c", Started: start.Add(5 * time.Second), Seconds: 0.25, Deps: []string{"a", "b"}}})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestParquet(t *testing.T) {
	r := droptest.One(t, table.New(), "jobs.parquet", parquetFile(t))
	require.Equal(t, "Parquet", r.Format)
	recordstest.Laws(t, r)
	require.Len(t, r.Tasks, 3)
	require.Equal(t, at(t, "2026-11-30T06:00:00Z"), r.Tasks[0].Attempts[0].Started)
	require.Equal(t, at(t, "2026-11-30T06:00:01.5Z"), r.Tasks[0].Attempts[0].Ended)
	require.Equal(t, 3, r.Tasks[1].Attempts[0].Error.ExitCode)
	require.Equal(t, 1250*time.Millisecond, r.Tasks[1].Attempts[0].Usage.CPU)
	require.Equal(t, []int32{0, 1}, r.Tasks[2].Parents)
	require.Equal(t, 250*time.Millisecond, r.Tasks[2].Attempts[0].Runtime)
}

func TestParquetCutOff(t *testing.T) {
	droptest.Refused(t, table.New(), "jobs.parquet", []byte("PAR1PAR1\xff\xff\xff\xffPAR1"), "without its end")
	damaged := parquetFile(t)
	droptest.Cut(t, table.New(), []records.File{droptest.File("jobs.parquet", records.Main, damaged)}, 0, 200)
	for i := 4; i < len(damaged)/2; i++ {
		one := bytes.Clone(damaged)
		one[i] ^= 0xff
		droptest.Try(t, table.New(), droptest.File("jobs.parquet", records.Main, one))
	}
}

func FuzzParquet(f *testing.F) {
	f.Add(parquetFile(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		droptest.Try(t, table.New(), droptest.File("jobs.parquet", records.Main, content))
	})
}
