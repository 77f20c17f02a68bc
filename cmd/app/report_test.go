package app

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestReportCountsEveryTask: what was executing when the run ended is neither done nor not run.
func TestReportCountsEveryTask(t *testing.T) {
	p := runReport{Tasks: 16, Done: 5, NotRun: 7}
	assert.Equal(t, "5 of 16 done, 4 cancelled, 7 not run", p.taskText())
	p = runReport{Tasks: 4, Done: 1, Failed: 1, Skipped: 2, Retries: 3}
	assert.Equal(t, "1 of 4 done, 1 failed, 2 skipped, 3 retried", p.taskText())
}
