package spark_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

// The lines of hand-made logs. Moments are seconds after 1,000,000.

const (
	logStart = `{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}`
	appStart = `{"Event":"SparkListenerApplicationStart","App Name":"demo","App ID":"app-1","Timestamp":1000000000,"User":"u"}`
	appEnd   = `{"Event":"SparkListenerApplicationEnd","Timestamp":1000900000}`
)

func jobStart(job int, stages ...string) string {
	return fmt.Sprintf(`{"Event":"SparkListenerJobStart","Job ID":%d,"Submission Time":1000001000,"Stage Infos":[%s]}`, job, strings.Join(stages, ","))
}

func jobEnd(job int, result string) string {
	return fmt.Sprintf(`{"Event":"SparkListenerJobEnd","Job ID":%d,"Job Result":{"Result":"%s","Exception":{"Message":"boom"}}}`, job, result)
}

// stageInfo is a stage with tasks, RDDs and parents, such as "[1,2]".
func stageInfo(id, attempt, tasks int, rdds, parents, more string) string {
	var infos []string
	for rdd := range strings.SplitSeq(strings.Trim(rdds, "[]"), ",") {
		infos = append(infos, `{"RDD ID":`+rdd+`}`)
	}
	return fmt.Sprintf(`{"Stage ID":%d,"Stage Attempt ID":%d,"Stage Name":"s%d","Number of Tasks":%d,"RDD Info":[%s],"Parent IDs":%s%s}`,
		id, attempt, id, tasks, strings.Join(infos, ","), parents, more)
}

func submitted(second int, info string) string {
	return fmt.Sprintf(`{"Event":"SparkListenerStageSubmitted","Stage Info":%s,"Submission Time":%d}}`, strings.TrimSuffix(info, "}"), 1000000000+second*1000)
}

func completed(second int, info string) string {
	return fmt.Sprintf(`{"Event":"SparkListenerStageCompleted","Stage Info":%s,"Completion Time":%d}}`, strings.TrimSuffix(info, "}"), 1000000000+second*1000)
}

// taskOf are the numbers of an attempt.
type taskOf struct {
	stage, stageAttempt, index, partition, id, launch, finish int
}

func (k taskOf) info(more string) string {
	partition := ""
	if k.partition >= 0 {
		partition = fmt.Sprintf(`"Partition ID":%d,`, k.partition)
	}
	finish := 0
	if k.finish > 0 {
		finish = 1000000000 + k.finish*1000
	}
	return fmt.Sprintf(`"Stage ID":%d,"Stage Attempt ID":%d,"Task Info":{"Task ID":%d,"Index":%d,"Attempt":0,%s`+
		`"Launch Time":%d,"Executor ID":"1","Host":"h","Finish Time":%d%s,"Accumulables":[{"ID":1,"Value":"}"}]}`,
		k.stage, k.stageAttempt, k.id, k.index, partition, 1000000000+k.launch*1000, finish, more)
}

func (k taskOf) start() string { return `{"Event":"SparkListenerTaskStart",` + k.info("") + `}` }

func (k taskOf) end(reason, more string) string {
	return `{"Event":"SparkListenerTaskEnd","Task End Reason":{"Reason":` + reason + `},` + k.info("") + more + `}`
}

const good = `"Success"`

func TestPartsOfAnAttemptKeepTheirSums(t *testing.T) {
	k := taskOf{stage: 0, id: 7, launch: 10, finish: 30, partition: -1}
	run := one(t, events("log", logStart, appStart, k.start(),
		strings.Replace(k.end(good, `,"Task Metrics":{"Executor Deserialize Time":2000,"Executor Run Time":10000,"Executor CPU Time":5,`+
			`"Executor Deserialize CPU Time":3,"Result Serialization Time":1000,"JVM GC Time":4,"Memory Bytes Spilled":5,"Disk Bytes Spilled":6,`+
			`"Shuffle Read Metrics":{"Fetch Wait Time":3000,"Remote Bytes Read":10,"Local Bytes Read":20},`+
			`"Shuffle Write Metrics":{"Shuffle Bytes Written":40,"Shuffle Write Time":1500000000},`+
			`"Input Metrics":{"Bytes Read":100},"Output Metrics":{"Bytes Written":200}}`),
			`"Finish Time"`, `"Getting Result Time":1000028000,"Finish Time"`, 1), appEnd))
	a := run.Tasks[0].Attempts[0]
	at := func(seconds float64) records.Moment {
		return records.Moment(1e15).Add(time.Duration(seconds * float64(time.Second)))
	}
	// 20 s = 5 s launching + 2 s deserialising + 10 s running + 1 s serialising + 2 s getting the result
	assert.Equal(t, at(10), a.Claimed)
	assert.Equal(t, at(10+5+2+3), a.Started)
	assert.Equal(t, 3*time.Second, a.Fetch)
	assert.Equal(t, at(20+10-3-1.5), a.Ended)
	assert.Equal(t, at(30), a.Over)
	assert.Equal(t, "deserialise 2000ms\nserialise 1000ms\nget result 2000ms\ngc 4ms\nspilled 5 bytes of memory\nspilled 6 bytes to disk", a.Log)
	assert.Equal(t, &record.Usage{
		CPU: 8, MemoryBytes: -1, ReadBytes: 130, WrittenBytes: 240, InputBytes: 130, OutsideBytes: 100, ResultBytes: 200, System: -1, Waits: -1, Preemptions: -1,
	}, a.Usage)
	assert.EqualValues(t, 240, run.Tasks[0].OutputBytes)
}

func TestPartsLongerThanTheWholeAreShortened(t *testing.T) {
	k := taskOf{id: 7, launch: 10, finish: 20, partition: -1}
	run := one(t, events("log", appStart, k.end(good, `,"Task Metrics":{"Executor Deserialize Time":2000,"Executor Run Time":9500,"Result Serialization Time":1000}`)))
	a := run.Tasks[0].Attempts[0]
	assert.Equal(t, 9500*time.Millisecond, time.Duration(a.Ended-a.Started))
	assert.Equal(t, a.Claimed, a.Started)
	assert.EqualValues(t, 1, noted(run, "longer than the whole"))
}

func TestResubmittedTasksEndOnce(t *testing.T) {
	first, again := taskOf{id: 1, launch: 1, finish: 2, partition: -1}, taskOf{id: 9, launch: 5, finish: 6, partition: -1}
	run := one(t, events("log", appStart, first.start(), first.end(good, `,"Task Metrics":{"Executor Run Time":1000}`),
		first.end(`"Resubmitted"`, ""), again.start(), again.end(good, ""), again.end(good, ""), appEnd))
	require.Len(t, run.Tasks, 1)
	require.Len(t, run.Tasks[0].Attempts, 2)
	assert.NotNil(t, run.Tasks[0].Attempts[0].Usage)
	assert.EqualValues(t, 1, noted(run, "(Resubmitted)"))
	assert.Equal(t, "output lost with its executor (Resubmitted)", run.Tasks[0].Attempts[0].Log)
	assert.EqualValues(t, 1, noted(run, "ends of attempts are repeated"))
}

func TestStartsWithAFinishTimeAreStillOpen(t *testing.T) {
	k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
	run := one(t, events("log", appStart, k.start()))
	assert.Equal(t, record.NoOutcome, run.Tasks[0].Attempts[0].Outcome)
	assert.False(t, run.Tasks[0].Attempts[0].Ended.Known())
}

func TestEndsThatSparkDroppedAreInferred(t *testing.T) {
	s0 := stageInfo(0, 0, 2, "[1]", "[]", "")
	dropped, lost := taskOf{id: 1, launch: 2, partition: 0}, taskOf{id: 2, index: 1, launch: 2, partition: 1}
	onOther := strings.Replace(lost.start(), `"Executor ID":"1"`, `"Executor ID":"2"`, 1)
	again := taskOf{id: 3, index: 1, launch: 5, finish: 6, partition: 1}
	run := one(t, events("log", appStart, jobStart(0, s0), submitted(1, s0), dropped.start(), onOther,
		`{"Event":"SparkListenerExecutorRemoved","Timestamp":1000004000,"Executor ID":"2","Removed Reason":"lost"}`,
		again.start(), again.end(good, ""), completed(7, s0), appEnd))
	first, second := run.Tasks[0].Attempts[0], run.Tasks[1].Attempts[0]
	assert.Equal(t, record.OutcomeOK, first.Outcome)
	assert.Equal(t, records.Moment(1_000_007e9), first.Ended)
	assert.Equal(t, record.OutcomeLost, second.Outcome)
	assert.Equal(t, records.Moment(1_000_004e9), second.Ended)
	assert.EqualValues(t, 1, noted(run, "lost when their executor"))
	assert.EqualValues(t, 1, noted(run, "when their stage completed"))
}

func TestHowAttemptsEnd(t *testing.T) {
	for _, c := range []struct {
		reason, more string
		outcome      record.Outcome
		failure      *records.Failure
	}{
		{good, "", record.OutcomeOK, nil},
		{
			`"ExceptionFailure","Class Name":"E","Description":"d","Stack Trace":[{"Declaring Class":"C","Method Name":"m","File Name":"F.java","Line Number":3}]`,
			"", record.OutcomeFailed, &records.Failure{Kind: record.UserError, Message: "E: d", Stack: "\tat C.m(F.java:3)\n"},
		},
		{
			`"ExceptionFailure","Class Name":"E","Description":"d","Full Stack Trace":"E: d\n\tat"`,
			"", record.OutcomeFailed, &records.Failure{Kind: record.UserError, Message: "E: d", Stack: "E: d\n\tat"},
		},
		{
			`"FetchFailed","Block Manager Address":{"Executor ID":"4"},"Message":"gone"`,
			"", record.OutcomeFailed, &records.Failure{Kind: record.OutputLostError, Message: "fetch failed from executor 4: gone"},
		},
		{
			`"ExecutorLostFailure","Executor ID":"2","Loss Reason":"killed"`,
			"", record.OutcomeLost, &records.Failure{Kind: record.WorkerLostError, Message: "executor 2 lost: killed"},
		},
		{
			`"TaskKilled","Kill Reason":"another attempt succeeded"`,
			"", record.OutcomeCancelled, &records.Failure{Kind: record.CancelledError, Message: "killed: another attempt succeeded"},
		},
		{
			`"NeverHeardOf"`, "", record.OutcomeFailed, &records.Failure{Kind: record.UserError, Message: "failed: NeverHeardOf"},
		},
		{
			`"Resubmitted"`, "", record.OutcomeOK, nil, // its first end is not in the log
		},
	} {
		k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
		a := one(t, events("log", appStart, k.start(), k.end(c.reason, c.more))).Tasks[0].Attempts[0]
		assert.Equal(t, c.outcome, a.Outcome, c.reason)
		assert.Equal(t, c.failure, a.Error, c.reason)
	}
}

func TestSkippedStagesAreTheEarlierOnesWithTheSameRDDs(t *testing.T) {
	s0, s2 := stageInfo(0, 0, 1, "[1,2]", "[]", ""), stageInfo(2, 0, 1, "[3]", "[1]", "")
	run := one(t, events("log", appStart,
		jobStart(0, s0), submitted(1, s0), completed(2, s0), jobEnd(0, "JobSucceeded"),
		jobStart(1, stageInfo(1, 0, 1, "[2,1]", "[]", ""), s2), submitted(3, s2), completed(4, s2), jobEnd(1, "JobSucceeded"), appEnd))
	require.Len(t, run.Groups, 2)
	assert.Equal(t, []int32{0}, run.Groups[1].After)
	assert.EqualValues(t, 1, noted(run, "an earlier stage had made the same"))
	assert.Equal(t, record.Succeeded, run.Status)
}

func TestStagesOfQueriesAreCalledAfterTheirWork(t *testing.T) {
	named := func(name string) string {
		info := strings.Replace(stageInfo(0, 0, 1, "[1]", "[]", ""), `"s0"`, `"`+name+`"`, 1)
		info = strings.Replace(info, `{"RDD ID":1}`, `{"RDD ID":9,"Scope":"{\"id\":\"4\",\"name\":\"Exchange\"}"},{"RDD ID":7,"Scope":"{\"id\":\"3\",\"name\":\"WholeStageCodegen (3)\"}"}`, 1)
		start := strings.TrimSuffix(submitted(1, info), "}") + `,"Properties":{"":"a key without a name","spark.sql.execution.id":"5"}}`
		return one(t, events("log", appStart,
			`{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":5,"description":"save at App.scala:7\nmore","sparkPlanInfo":{}}`,
			start, taskOf{launch: 1}.start())).Groups[0].Name
	}
	assert.Equal(t, "collect at App.scala:5: Exchange after WholeStageCodegen (3)", named("collect at App.scala:5"))
	assert.Equal(t, "save at App.scala:7: Exchange after WholeStageCodegen (3)", named("$anonfun$withThreadLocalCaptured$2 at CompletableFuture.java:1768"))
	assert.Equal(t, "save at App.scala:7, run at ThreadPoolExecutor.java:1149: Exchange after WholeStageCodegen (3)", named("run at ThreadPoolExecutor.java:1149"))
}

func TestStagesThatAFailedJobNeededNeverRan(t *testing.T) {
	s0, s1 := stageInfo(0, 0, 2, "[1]", "[]", ""), stageInfo(1, 0, 3, "[2]", "[0]", "")
	failed := stageInfo(0, 0, 2, "[1]", "[]", `,"Failure Reason":"boom"`)
	k := taskOf{id: 0, launch: 1, finish: 2, partition: 0}
	run := one(t, events("log", appStart, jobStart(0, s0, s1), submitted(1, s0), k.start(),
		k.end(`"ExceptionFailure"`, ""), completed(2, failed), jobEnd(0, "JobFailed"), appEnd))
	require.Len(t, run.Tasks, 5)
	assert.EqualValues(t, 4, noted(run, "never started"))
	assert.Equal(t, []int32{0}, run.Groups[1].After)
	assert.Equal(t, record.Failed, run.Status)
	assert.Equal(t, "job 0 failed: boom", run.Error)
	assert.Empty(t, run.Incomplete)
}

func TestAttemptsOfStagesNumberTheirTasksAnew(t *testing.T) {
	s0 := stageInfo(0, 0, 3, "[1]", "[]", "")
	retry := stageInfo(0, 1, 2, "[1]", "[]", "")
	for name, recorded := range map[string]bool{"partitions are recorded": true, "missing in order": false} {
		of := func(stageAttempt, index, partition, id, launch int) taskOf {
			if !recorded {
				partition = -1
			}
			return taskOf{stageAttempt: stageAttempt, index: index, partition: partition, id: id, launch: launch, finish: launch + 1}
		}
		a, b, c := of(0, 0, 0, 0, 2), of(0, 1, 1, 1, 2), of(0, 2, 2, 2, 2)
		again1, again2 := of(1, 0, 1, 3, 6), of(1, 1, 2, 4, 6)
		run := one(t, events("log", appStart, jobStart(0, s0), submitted(1, s0),
			a.end(good, ""), b.end(`"FetchFailed"`, ""), c.end(`"FetchFailed"`, ""), submitted(5, retry),
			again1.end(good, ""), again2.end(good, ""), completed(8, retry), appEnd))
		require.Len(t, run.Tasks, 3, name)
		var attempts []int
		for _, task := range run.Tasks {
			attempts = append(attempts, len(task.Attempts))
		}
		assert.Equal(t, []int{1, 2, 2}, attempts, name)
		assert.Equal(t, records.Moment(1_000_005e9), run.Tasks[1].Attempts[1].Ready, name)
	}
}

func TestAttemptsOfStagesThatMatchNothingAreTasks(t *testing.T) {
	s0, retry := stageInfo(0, 0, 3, "[1]", "[]", ""), stageInfo(0, 1, 1, "[1]", "[]", "")
	a, again := taskOf{id: 1, launch: 2, finish: 3, partition: -1}, taskOf{stageAttempt: 1, id: 3, launch: 6, finish: 7, partition: -1}
	run := one(t, events("log", appStart, jobStart(0, s0), submitted(1, s0), a.end(good, ""), submitted(5, retry), again.end(good, ""), appEnd))
	assert.EqualValues(t, 1, noted(run, "are tasks of their own"))
	assert.Equal(t, "stage 0.1 task 0", run.Tasks[len(run.Tasks)-1].ID)
}

func TestSpeculativeAttemptsAreOfOneTask(t *testing.T) {
	slow, fast := taskOf{id: 1, launch: 1, finish: 9, partition: 0}, taskOf{id: 2, launch: 5, finish: 8, partition: 0}
	copied := strings.Replace(fast.end(good, ""), `"Launch Time"`, `"Speculative":true,"Launch Time"`, 1)
	run := one(t, events("log", appStart, slow.start(), fast.start(), copied, slow.end(`"TaskKilled"`, ""), appEnd))
	require.Len(t, run.Tasks, 1)
	assert.Equal(t, record.OutcomeCancelled, run.Tasks[0].Attempts[0].Outcome)
	assert.Equal(t, record.OutcomeOK, run.Tasks[0].Attempts[1].Outcome)
	assert.Equal(t, "speculative", run.Tasks[0].Attempts[1].Log)
}

func TestExecutors(t *testing.T) {
	run := one(t, events("log", appStart,
		`{"Event":"SparkListenerExecutorAdded","Timestamp":1000001000,"Executor ID":"1","Executor Info":{"Host":"h1","Total Cores":4}}`,
		`{"Event":"SparkListenerExecutorRemoved","Timestamp":1000002000,"Executor ID":"1","Removed Reason":"lost"}`,
		taskOf{id: 1, launch: 1, partition: -1}.start()))
	assert.Equal(t, []records.Worker{{
		Name: "executor 1", Host: "h1", Cores: 4, Started: records.Moment(1_000_001e9), Ended: records.Moment(1_000_002e9), CPU: -1,
	}}, run.Workers)
	assert.EqualValues(t, 1, noted(run, "executors were removed: lost"))
	assert.EqualValues(t, 0, run.Tasks[0].Attempts[0].Worker)
}

func TestExitCodes(t *testing.T) {
	for code, want := range map[int]record.Status{0: record.Succeeded, 1: record.Failed, -1: record.Failed} {
		run := one(t, events("log", appStart, jobEnd(0, "JobFailed"), fmt.Sprintf(`{"Event":"SparkListenerApplicationEnd","Timestamp":1000900000,"ExitCode":%d}`, code)))
		assert.Equal(t, want, run.Status)
	}
}

func TestRolledLogs(t *testing.T) {
	k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
	run := one(t, events("d/events_2_app.zstd", k.end(good, ""), appEnd), events("d/events_1_app.zstd", logStart, appStart, k.start()))
	assert.Len(t, run.Tasks, 1)
	assert.Empty(t, run.Incomplete)

	run = one(t, events("d/events_3_app", k.end(good, ""), appEnd), events("d/events_1_app", logStart, appStart, k.start()))
	assert.Equal(t, "events_2 of the log is missing", run.Incomplete)

	run = one(t, events("d/events_10_app", appEnd), events("d/events_9_app.compact", logStart, appStart), events("d/events_9_app", "nothing of this"))
	assert.Equal(t, "Spark compacted the log, which removes jobs that had ended", run.Incomplete)

	run = one(t, events("d/eventlog", appEnd), events("d/eventlog-2021-06-14--20-00", appStart), events("d/eventlog-2021-06-14--21-00", k.start(), k.end(good, "")))
	assert.Empty(t, run.Incomplete)

	run = one(t, events("d/app-1.inprogress", logStart, appStart, k.start()))
	assert.Equal(t, record.Running, run.Status)
}

func TestSeveralApplicationsInOneFile(t *testing.T) {
	k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
	other := strings.Replace(appStart, "app-1", "app-2", 1)
	runs := read(t, events("both", logStart, appStart, k.end(good, ""), appEnd, logStart, other, k.end(good, ""), appEnd))
	require.Len(t, runs, 2)
	assert.Equal(t, "app-2@1000000000", runs[1].Key)
	assert.Len(t, runs[1].Tasks, 1)
}

func TestDamage(t *testing.T) {
	k := taskOf{id: 1, launch: 1, finish: 2, partition: -1}
	run := one(t, events("log", appStart, "nonsense", k.end(good, ""), `{"Event":"SparkListenerTaskEnd"}`, appEnd))
	assert.Contains(t, run.Incomplete, "line 2 of log is no event")
	assert.EqualValues(t, 2, noted(run, "lines are no events"))
	assert.Len(t, run.Tasks, 1)

	run = one(t, records.File{Path: "log", Part: records.Main, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(appStart+"\n"), iotest.ErrReader(errors.New("bad block")))), nil
	}})
	assert.Contains(t, run.Incomplete, "bad block")

	_, err := spark.New().Read(context.Background(), []records.File{{
		Path: "log", Part: records.Main, Open: events("log", "nonsense").Open,
	}})
	var fault *records.Fault
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, 1, fault.Line)

	_, err = spark.New().Read(context.Background(), []records.File{events("log", logStart)})
	require.ErrorIs(t, err, records.ErrFormat)
}

func TestReadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := spark.New().Read(ctx, []records.File{events("log", appStart)})
	require.ErrorIs(t, err, context.Canceled)
}
