package spark_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/internal/testkit/recordstest"
)

func TestLawsOfRealLogs(t *testing.T) {
	for _, name := range samples {
		recordstest.Laws(t, one(t, file(name, sample(t, name))))
	}
}

func TestLawsOfRepeatedWork(t *testing.T) {
	s0, s1 := stageInfo(0, 0, 2, "[1]", "[]", ""), stageInfo(1, 0, 1, "[2]", "[0]", "")
	retry0, retry1 := stageInfo(0, 1, 1, "[1]", "[]", ""), stageInfo(1, 1, 1, "[2]", "[0]", "")
	made, other := taskOf{id: 0, index: 0, partition: 0, launch: 2, finish: 3}, taskOf{id: 1, index: 1, partition: 1, launch: 2, finish: 4}
	copied := taskOf{id: 2, index: 1, partition: 1, launch: 3, finish: 5} // speculative; both succeeded
	fetch := taskOf{stage: 1, id: 3, launch: 6, finish: 7}
	again := taskOf{stageAttempt: 1, id: 4, index: 0, partition: 0, launch: 9, finish: 10}
	last := taskOf{stage: 1, stageAttempt: 1, id: 5, launch: 12, finish: 13}
	run := one(t, events("log", logStart, appStart, jobStart(0, s0, s1), submitted(1, s0),
		made.start(), made.end(good, ""), other.start(), copied.start(), other.end(good, ""), copied.end(good, ""), completed(5, s0),
		submitted(6, s1), fetch.start(), fetch.end(`"FetchFailed"`, ""), completed(7, stageInfo(1, 0, 1, "[2]", "[0]", `,"Failure Reason":"fetch"`)),
		submitted(8, retry0), again.start(), again.end(good, ""), completed(10, retry0),
		submitted(11, retry1), last.start(), last.end(good, ""), completed(13, retry1), jobEnd(0, "JobSucceeded"), appEnd))
	recordstest.Laws(t, run)
	assert.Equal(t, "output lost, as the task was run again", run.Tasks[0].Attempts[0].Log)
	assert.Empty(t, run.Tasks[0].Attempts[1].Log)
	assert.Empty(t, run.Tasks[1].Attempts[0].Log, "the other attempt was speculative")
	assert.EqualValues(t, 1, noted(run, "lost their output, because"))
}
