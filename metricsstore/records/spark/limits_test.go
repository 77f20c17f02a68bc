package spark_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

func TestNumbersFromNowhere(t *testing.T) {
	huge := strings.Replace(stageInfo(0, 0, 7, "[1]", "[5,0,-1]", ""), `"Number of Tasks":7`, `"Number of Tasks":2000000000`, 1)
	run := one(t, events("log", appStart, jobStart(0, huge), submitted(1, huge), jobEnd(0, "JobFailed"), appEnd))
	assert.Len(t, run.Tasks, 100_000)
	assert.EqualValues(t, 2_000_000_000-100_000, noted(run, "further tasks were never started"))
	assert.EqualValues(t, 2, noted(run, "stages that others wait for are not in the log"))
}

func TestTooManyExecutors(t *testing.T) {
	var b strings.Builder
	b.WriteString(appStart + "\n")
	for i := range records.MaxWorkers {
		b.WriteString(strings.Replace(taskOf{id: i, index: i, launch: 1, partition: -1}.start(), `"Executor ID":"1"`, fmt.Sprintf(`"Executor ID":"%d"`, i), 1) + "\n")
	}
	_, err := spark.New().Read(context.Background(), []records.File{file("log", []byte(b.String()))})
	require.ErrorIs(t, err, records.ErrTooLarge)
}

func FuzzRead(f *testing.F) {
	s0 := stageInfo(0, 0, 2, "[1]", "[]", "")
	k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
	f.Add([]byte(strings.Join([]string{logStart, appStart, jobStart(0, s0), submitted(1, s0), k.start(), k.end(good, `,"Task Metrics":{"Executor Run Time":5}`), completed(3, s0), jobEnd(0, "JobSucceeded"), appEnd}, "\n")))
	f.Add([]byte(appStart + "\n" + k.end(`"FetchFailed","Message":"m"`, "")))
	f.Add([]byte(`{"Event":"SparkListenerStageCompleted","Stage Info":{"Stage ID":-1e99}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		runs, err := spark.New().Read(context.Background(), []records.File{{
			Path: "log", Part: records.Main, Open: file("log", content).Open,
		}})
		if err != nil {
			require.ErrorIs(t, err, records.ErrFormat)
			return
		}
		for _, run := range runs {
			droptest.Check(t, run)
			if len(run.Tasks) > 1000 {
				continue // takes long
			}
			if _, err := records.Compile(run, records.Origin{}); err == nil {
				recordstest.Laws(t, run)
			}
			for i, g := range run.Groups {
				for _, after := range g.After {
					require.Less(t, int(after), i)
				}
			}
		}
	})
}
