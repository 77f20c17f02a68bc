package e2e

import (
	"testing"
	"time"

	"github.com/dagscope/dagscope/engine"
)

func TestGDebug(t *testing.T) {
	f := newFleet(t, 1)
	c := f.client()
	w, _ := c.engine.Workflow("flaky")
	args, err := w.Arguments(map[string]string{"fails": "9"}, nil)
	t.Log(err)
	r, err := c.engine.SubmitWorkflow(t.Context(), "flaky", args, engine.RunOptions{})
	t.Log(r, err)
	t.Log(r.Wait(t.Context()))
	t.Log(r.WaitRecorded(t.Context()))
	r2, err := c.engine.Retry(t.Context(), r.ID())
	t.Log(r2, err)
	go func() {
		time.Sleep(8 * time.Second)
		kept, err := c.records.Run(t.Context(), r.ID())
		t.Logf("%+v %v", kept, err)
	}()
	t.Log(r2.Wait(t.Context()))
	t.Log(r2.WaitRecorded(t.Context()))
	for _, s := range stepsOf(t, r2) {
		t.Logf("%+v", s)
	}
}
