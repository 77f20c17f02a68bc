package spark_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

// count is what can be counted in a log and in a run.
type count struct {
	Tasks, Attempts int
	Outcomes        map[string]int
	Started, Ended  int64 // milliseconds
	Functions       map[string]sums
	After           map[string][]string // stages by what they wait for, both as "id name"
}

// sums are those of the attempts of one function. Durations are nanoseconds.
type sums struct {
	Attempts           int
	Whole, Body, Fetch int64
	CPU, Read, Written int64
	GC                 int64
}

// object is a JSON object, decoded plainly.
type object map[string]any

func (o object) in(key string) object {
	inner, _ := o[key].(map[string]any)
	return inner
}

func (o object) n(key string) int64 {
	f, _ := o[key].(float64)
	return int64(f)
}

// plainly counts in the log itself.
func plainly(t *testing.T, content []byte) count {
	c := count{Outcomes: map[string]int{}, Functions: map[string]sums{}, After: map[string][]string{}}
	names, stageOf := map[int64]string{}, map[int64]int64{}
	tasks, open, ended := map[[2]int64]bool{}, map[int64]bool{}, map[int64]object{}
	plan := map[int64]object{}
	queries, queryOf := map[string]string{}, map[int64]string{}
	ran := map[int64]bool{}
	for line := range bytes.SplitSeq(bytes.TrimSpace(content), []byte("\n")) {
		var e object
		require.NoError(t, json.Unmarshal(line, &e))
		info := e.in("Task Info")
		switch e["Event"] {
		case "SparkListenerApplicationStart":
			c.Started = e.n("Timestamp")
		case "SparkListenerApplicationEnd":
			c.Ended = e.n("Timestamp")
		case "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart":
			queries[fmt.Sprint(e.n("executionId"))] = e["description"].(string)
		case "SparkListenerJobStart":
			for _, s := range e["Stage Infos"].([]any) {
				plan[object(s.(map[string]any)).n("Stage ID")] = s.(map[string]any)
			}
		case "SparkListenerStageSubmitted", "SparkListenerStageCompleted":
			stage := e.in("Stage Info")
			require.Zero(t, stage.n("Stage Attempt ID"), "this count knows no attempts of stages")
			names[stage.n("Stage ID")] = stage["Stage Name"].(string)
			if query, is := e.in("Properties")["spark.sql.execution.id"].(string); is {
				queryOf[stage.n("Stage ID")] = queries[query]
			}
			if plan[stage.n("Stage ID")] == nil {
				plan[stage.n("Stage ID")] = stage
			}
			ran[stage.n("Stage ID")] = true
		case "SparkListenerTaskStart":
			open[info.n("Task ID")] = true
			stageOf[info.n("Task ID")] = e.n("Stage ID")
			tasks[[2]int64{e.n("Stage ID"), info.n("Index")}] = true
		case "SparkListenerTaskEnd":
			open[info.n("Task ID")] = true
			stageOf[info.n("Task ID")] = e.n("Stage ID")
			tasks[[2]int64{e.n("Stage ID"), info.n("Index")}] = true
			if ended[info.n("Task ID")] == nil {
				ended[info.n("Task ID")] = e
			}
		}
	}
	for id, query := range queryOf {
		names[id] = queryName(plan[id], query)
	}
	c.Tasks, c.Attempts = len(tasks), len(open)
	for id := range open {
		e := ended[id]
		reason, _ := e.in("Task End Reason")["Reason"].(string)
		c.Outcomes[map[string]string{
			"": "open", "Success": "ok", "Resubmitted": "ok", "ExceptionFailure": "failed", "FetchFailed": "failed",
			"ExecutorLostFailure": "lost", "TaskKilled": "cancelled",
		}[reason]]++
		c.add(names[stageOf[id]], e)
	}
	c.edges(plan, ran, names)
	return c
}

// queryName is what a stage of a query is called: the query where its own name is that of a thread pool, and the last
// part of the plan after its last generated code.
func queryName(stage object, query string) string {
	name := stage["Stage Name"].(string)
	switch {
	case strings.HasPrefix(name, "$anonfun$withThreadLocalCaptured"):
		name = query
	case strings.HasPrefix(name, "run at ThreadPoolExecutor"):
		name = query + ", " + name
	}
	work := map[int64]string{}
	for _, r := range stage["RDD Info"].([]any) {
		rdd := object(r.(map[string]any))
		var scope struct{ Name string }
		text, _ := rdd["Scope"].(string)
		_ = json.Unmarshal([]byte(text), &scope)
		work[rdd.n("RDD ID")] = scope.Name
	}
	last, code := "", ""
	for _, id := range slices.Sorted(maps.Keys(work)) {
		switch part := work[id]; {
		case part == "" || part == "mapPartitionsInternal":
		case strings.HasPrefix(part, "WholeStageCodegen"):
			last, code = "", part
		default:
			last = part
		}
	}
	switch {
	case last != "" && code != "":
		name += ": " + last + " after " + code
	case last+code != "":
		name += ": " + last + code
	}
	return name
}

// add adds the end of an attempt to the sums of its function.
func (c *count) add(function string, e object) {
	s := c.Functions[function]
	s.Attempts++
	if e != nil {
		info, m := e.in("Task Info"), e.in("Task Metrics")
		s.Whole += (info.n("Finish Time") - info.n("Launch Time")) * 1e6
		s.CPU += m.n("Executor CPU Time") + m.n("Executor Deserialize CPU Time")
		fetch, write := m.in("Shuffle Read Metrics").n("Fetch Wait Time")*1e6, m.in("Shuffle Write Metrics").n("Shuffle Write Time")
		body := m.n("Executor Run Time")*1e6 - fetch - write
		if m == nil {
			body = (info.n("Finish Time") - info.n("Launch Time")) * 1e6
		}
		s.Body += body
		s.Fetch += fetch
		s.GC += m.n("JVM GC Time")
		s.Read += m.in("Input Metrics").n("Bytes Read") + m.in("Shuffle Read Metrics").n("Remote Bytes Read") + m.in("Shuffle Read Metrics").n("Local Bytes Read")
		s.Written += m.in("Output Metrics").n("Bytes Written") + m.in("Shuffle Write Metrics").n("Shuffle Bytes Written")
	}
	c.Functions[function] = s
}

// edges finds what each stage that ran waits for: of a parent that did not run, the latest stage before it that did
// and has the same RDDs.
func (c *count) edges(plan map[int64]object, ran map[int64]bool, names map[int64]string) {
	rdds := func(s object) string {
		var ids []int
		for _, r := range s["RDD Info"].([]any) {
			ids = append(ids, int(object(r.(map[string]any)).n("RDD ID")))
		}
		slices.Sort(ids)
		return fmt.Sprint(ids)
	}
	for id, s := range plan {
		if !ran[id] {
			continue
		}
		for _, p := range s["Parent IDs"].([]any) {
			parent := int64(p.(float64))
			for other := parent; other >= 0; other-- {
				if ran[other] && plan[other] != nil && rdds(plan[other]) == rdds(plan[parent]) {
					c.After[names[id]] = append(c.After[names[id]], names[other])
					break
				}
			}
		}
	}
	for _, after := range c.After {
		slices.Sort(after)
	}
}

// counted counts the same in a run.
func counted(run *records.Run) count {
	c := count{Outcomes: map[string]int{}, Functions: map[string]sums{}, After: map[string][]string{}}
	c.Started, c.Ended = millis(run.Started), millis(run.Ended)
	withAttempts := map[int32]bool{}
	for _, task := range run.Tasks {
		if len(task.Attempts) > 0 {
			c.Tasks++
			withAttempts[task.Group] = true
		}
		for _, a := range task.Attempts {
			c.Attempts++
			outcome := a.Outcome.String()
			if a.Outcome == record.NoOutcome {
				outcome = "open"
			}
			c.Outcomes[outcome]++
			c.addAttempt(task.Function, &a)
		}
	}
	for i, g := range run.Groups {
		for _, after := range g.After {
			if withAttempts[int32(i)] {
				c.After[g.Name] = append(c.After[g.Name], run.Groups[after].Name)
			}
		}
	}
	for _, after := range c.After {
		slices.Sort(after)
	}
	return c
}

func (c *count) addAttempt(function string, a *records.Attempt) {
	s := c.Functions[function]
	s.Attempts++
	end := a.Over
	if !end.Known() {
		end = a.Ended
	}
	if end.Known() {
		s.Whole += int64(end - a.Claimed)
		begin := a.Started
		if !begin.Known() {
			begin = a.Claimed
		}
		s.Body += int64(a.Ended - begin)
		s.Fetch += int64(a.Fetch)
	}
	if a.Usage != nil {
		s.CPU += int64(a.Usage.CPU)
		s.Read += a.Usage.ReadBytes
		s.Written += a.Usage.WrittenBytes
	}
	for line := range bytes.SplitSeq([]byte(a.Log), []byte("\n")) {
		var gc int64
		if n, _ := fmt.Sscanf(string(line), "gc %dms", &gc); n == 1 {
			s.GC += gc
		}
	}
	c.Functions[function] = s
}

func millis(m records.Moment) int64 {
	if !m.Known() {
		return 0
	}
	return int64(m) / int64(time.Millisecond)
}

func TestRealLogsAgainstAPlainCount(t *testing.T) {
	for _, name := range samples {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content := sample(t, name)
			run := one(t, file(name, content))
			assert.Equal(t, plainly(t, content), counted(run))
			assert.NotEmpty(t, run.Key)
			for _, task := range run.Tasks {
				for _, a := range task.Attempts {
					inOrder(t, &a)
				}
			}
		})
	}
}

// inOrder checks the moments of an attempt that are known.
func inOrder(t *testing.T, a *records.Attempt) {
	last := records.Moment(0)
	for _, m := range []records.Moment{a.Claimed, a.Started, a.Ended, a.Over} {
		if m.Known() {
			assert.GreaterOrEqual(t, m, last)
			last = m
		}
	}
	if a.Started.Known() {
		assert.LessOrEqual(t, a.Fetch, time.Duration(a.Started-a.Claimed))
	}
}

func TestRealLogsAreComplete(t *testing.T) {
	for name, want := range map[string]string{
		samples[0]: "", samples[2]: "", samples[4]: "", samples[6]: "", samples[7]: "", samples[8]: "",
		samples[1]: "tasks of stages that ended are not in the log; jobs ended whose start is not in the log; " +
			"attempts ended whose start is not in the log",
		samples[3]: "the log has no end of the application",
		samples[5]: "the log has no end of the application",
	} {
		assert.Equal(t, want, one(t, file(name, sample(t, name))).Incomplete, name)
	}
}

func TestCutLogsAreNeverWhole(t *testing.T) {
	for _, name := range samples {
		content := sample(t, name)
		whole := bytes.TrimRight(content, "\n")
		for _, cut := range droptest.Places(t, len(whole), 200) {
			runs, err := spark.New().Read(context.Background(), []records.File{{
				Path: name, Part: records.Main, Open: file(name, content[:cut]).Open,
			}})
			if err != nil {
				require.ErrorIs(t, err, records.ErrFormat)
				continue
			}
			require.NotEmpty(t, runs[0].Incomplete, "%s cut at %d", name, cut)
			require.Empty(t, runs[0].Status)
			var attempts int
			for _, task := range runs[0].Tasks {
				attempts += len(task.Attempts)
			}
			require.LessOrEqual(t, attempts, plainAttempts(content[:cut]))
		}
	}
}

// plainAttempts bounds the attempts that a log contains.
func plainAttempts(content []byte) int {
	return bytes.Count(content, []byte(`"Event":"SparkListenerTask`))
}

func TestApplicationAttemptsAreRunsOfTheirOwn(t *testing.T) {
	runs := read(t, file("a_1", sample(t, samples[5])), file("a_2", sample(t, samples[6])))
	require.Len(t, runs, 2)
	assert.Equal(t, "application_1713000000000_0001/1@1776462935276", runs[0].Key)
	assert.Equal(t, "application_1713000000000_0001/2@1776462945821", runs[1].Key)
	assert.Equal(t, record.Succeeded, runs[1].Status)
}

func TestARolledFolder(t *testing.T) {
	status := file(rolledFolder+"appstatus_spark-bcec39f6201b42b9925124595baad260", nil)
	require.Equal(t, records.Companion, status.Part)
	run := one(t, file(samples[8], sample(t, samples[8])), status)
	assert.Equal(t, "Spark event log 3.5", run.Format)
	assert.Equal(t, "PythonPi", run.Workflow)
	assert.Empty(t, run.Incomplete)
}
