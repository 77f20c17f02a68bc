package whatif

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// A run is simulated under the rule that it had, whatever the question.
func TestTheRuleOfTheRunStays(t *testing.T) {
	m := &model{workers: []simulate.Worker{{Lanes: []int64{0}, Queues: 1}}}
	for _, c := range []struct {
		rules *record.Rules
		q     Question
		want  bool
	}{
		{nil, Question{}, false},
		{&record.Rules{}, Question{}, false},
		{&record.Rules{}, Question{NoBecome: true}, true},
		{&record.Rules{NoBecome: true}, Question{}, true},
	} {
		r := &recording{run: &metricsstore.Run{}}
		r.run.Info.Rules = c.rules
		assert.Equal(t, c.want, c.q.conditions(m, r).NoBecome, "%+v", c)
	}
}
