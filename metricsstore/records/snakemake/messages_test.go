package snakemake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
)

// recorded are messages of the plugin in Snakemake 7.21 and 9.25, of a run that ended in this way.
var recorded = map[string]record.Status{
	"messages-succeeded.jsonl": record.Succeeded, "messages-failed.jsonl": record.Failed, "messages-cancelled.jsonl": record.Cancelled,
	"messages-9-failed.jsonl": record.Failed,
}

func TestMessages(t *testing.T) {
	for name, status := range recorded {
		text := made(t, name)
		count, running := map[string]int{}, map[string]bool{}
		var last float64
		for line := range bytes.Lines(text) {
			var m struct {
				Event, JobID string
				Time         float64
			}
			require.NoError(t, json.Unmarshal(line, &m))
			switch {
			case m.Event == "job":
				running[m.JobID] = true
				count[m.Event]++
			case (m.Event == "finished" || m.Event == "failed") && running[m.JobID]: // 9 repeats failures at the end
				delete(running, m.JobID)
				count[m.Event]++
				last = m.Time
			}
		}
		r := one(t, name, text)
		require.Equal(t, status, r.Status, name)
		require.Empty(t, r.Incomplete)
		require.Regexp(t, `^Snakemake messages (7\.21\.0|9\.25\.2)$`, r.Format)
		require.Equal(t, "node1", r.Workers[0].Name)
		require.Contains(t, []string{"project", "bad"}, r.Workflow, "the folder, or the file that 9 names")
		attempts, ok, failed := 0, 0, 0
		var ended records.Moment
		for i := range r.Tasks {
			for _, a := range r.Tasks[i].Attempts {
				attempts++
				ended = max(ended, a.Ended)
				switch {
				case a.Outcome == record.OutcomeOK:
					ok++
				case a.Outcome == record.OutcomeFailed && a.Ended.Known():
					failed++
				}
			}
		}
		require.Equal(t, []int{count["job"], count["finished"], count["failed"]}, []int{attempts, ok, failed}, name)
		require.InDelta(t, last, float64(ended.Time().UnixNano())/1e9, 1e-6, name)
	}
}

func TestWhatMessagesSay(t *testing.T) {
	r := one(t, "a.jsonl", made(t, "messages-succeeded.jsonl"))
	sum := taskOf(t, r, "1")
	require.Equal(t, "Adding the parts up", sum.Name)
	require.Equal(t, "sum", sum.Function, "also of a job with a message of its own")
	require.ElementsMatch(t, []string{"part i=1", "part i=2", "part i=3", "part i=4"}, parents(r, sum))
	require.Equal(t, "cat out/part1.txt out/part2.txt out/part3.txt out/part4.txt > out/sum.txt 2> logs/sum.log", sum.Command)
	require.Equal(t, "part i=3", taskOf(t, r, "4").Name)
	require.Equal(t, 2, taskOf(t, r, "4").Cores)
	require.Equal(t, 4, r.Workers[0].Cores)
	require.NotContains(t, fmt.Sprint(r.Notes), "zone")

	r = one(t, "a.jsonl", made(t, "messages-failed.jsonl"))
	fails := taskOf(t, r, "1")
	require.Len(t, fails.Attempts, 3)
	require.Equal(t, "the command exited with a non-zero exit code\nlog logs/fails.log", fails.Attempts[0].Error.Message)
	require.Equal(t, record.OutcomeFailed, taskOf(t, r, "3").Attempts[0].Outcome, "a run: rule, of which Snakemake reports no error")
	require.True(t, taskOf(t, r, "all, planned 1").Skipped)

	r = one(t, "a.jsonl", made(t, "messages-9-failed.jsonl"))
	require.Len(t, taskOf(t, r, "1").Attempts, 3)
	require.Equal(t, "the job failed", taskOf(t, r, "3").Attempts[0].Error.Message)
	require.Zero(t, noteOf(r, "errors are of jobs that had ended"))
}

// TestMessagesInAnyOrder: what comes twice, later or in pieces changes nothing.
func TestMessagesInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name := range recorded {
		text := made(t, name)
		want := one(t, name, text)
		lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n")+"\n", "\n")
		lines = append(lines, lines[3], lines[7])
		random.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
		got := one(t, name, []byte(strings.Join(lines, "")))
		require.Equal(t, want, got, name)
	}
}

func line(run string, seq int, event, rest string) string {
	return fmt.Sprintf(`{"dagscope":"snakemake","run":"%s","seq":%d,"time":%d.5,"event":"%s"%s}`+"\n", run, seq, 1796074222+seq, event, rest)
}

func TestMessagesOfSeveralRuns(t *testing.T) {
	text := ""
	for seq, event := range []string{"job", "finished"} {
		for _, run := range []string{"r1", "r2", "r3"} {
			text += line(run, seq, event, `,"jobid":"7","rule":"a"`)
		}
	}
	runs, err := snakemake.New().Read(t.Context(), []records.File{droptest.Sniffed(t, snakemake.New(), "m.jsonl", []byte(text))})
	require.NoError(t, err)
	require.Len(t, runs, 3)
	for i, r := range runs {
		require.Equal(t, fmt.Sprintf("r%d", i+1), r.Key)
		require.Equal(t, r.Key, snakemake.KeyOf(r.Params))
		require.Len(t, r.Tasks, 1)
		require.Equal(t, time.Second, time.Duration(r.Tasks[0].Attempts[0].Ended-r.Tasks[0].Attempts[0].Started))
		require.Contains(t, r.Incomplete, "no message about the end of the run")
	}
}

// TestMessagesQuoteFiles: files with commas are one each, in contrast to those in logs.
func TestMessagesQuoteFiles(t *testing.T) {
	r := one(t, "m.jsonl", []byte(line("r", 0, "job", `,"jobid":"1","rule":"a","output":["a, b.txt"]`)+line("r", 1, "finished", `,"jobid":"1"`)+
		line("r", 2, "job", `,"jobid":"2","rule":"b","input":["a, b.txt"]`)+line("r", 3, "finished", `,"jobid":"2"`)+line("r", 4, "ended", "")))
	require.Equal(t, []string{"a"}, parents(r, taskOf(t, r, "2")))
	require.Zero(t, noteOf(r, "inputs are made by no job of the run"))
}

func TestMessagesOfGroups(t *testing.T) {
	text := line("r", 0, "job", `,"jobid":"1","rule":"a","group":"g"`) + line("r", 1, "job", `,"jobid":"2","rule":"b","group":"g"`) +
		line("r", 2, "job", `,"jobid":"3","rule":"c"`) + line("r", 3, "finished", `,"jobid":"1"`) +
		line("r", 4, "failed", `,"jobid":"2","rule":"b","group":"g","message":"no"`) + line("r", 6, "odd", "") + line("r", 7, "ended", "")
	r := one(t, "m.jsonl", []byte(text))
	require.Len(t, r.Tasks, 2)
	require.Equal(t, "group g", r.Tasks[0].Function)
	require.Equal(t, record.OutcomeFailed, r.Tasks[0].Attempts[0].Outcome)
	require.EqualValues(t, 1, noteOf(r, "messages are missing between others"))
	require.EqualValues(t, 1, noteOf(r, "messages are of a kind that is not known"))
}

func TestMessageOfARun(t *testing.T) {
	for text, attempts := range map[string]int{line("r", 0, "job", ""): 1, line("r", 1, "ended", ""): 0} {
		key, n := snakemake.Message([]byte(text))
		require.Equal(t, "r", key)
		require.Equal(t, attempts, n)
	}
	for _, text := range []string{"", "{}", "[]", `{"run":"r"}`, line("", 0, "job", ""), strings.TrimSuffix(line("r", 0, "job", ""), "}\n")} {
		key, _ := snakemake.Message([]byte(text))
		require.Empty(t, key, text)
	}
}

func TestMessagesCutOff(t *testing.T) {
	for name := range recorded {
		droptest.CutLines(t, snakemake.New(), name, made(t, name), 200)
	}
	droptest.Refused(t, snakemake.New(), "m.jsonl", []byte(line("r", 0, "ended", "")), "no message is about a job")
	odd := "a line that is none\n" + line("r", 1, "finished", `,"jobid":"1"`)
	r := one(t, "m.jsonl", []byte(line("r", 0, "job", `,"jobid":"1","rule":"a"`)+odd))
	require.EqualValues(t, 1, noteOf(r, "lines are no messages"))
}
