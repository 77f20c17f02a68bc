package worker_test

import (
	"context"

	"github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
)

// A worker with a function of its own. It takes part in whatever runs call double, from wherever they were submitted.
func Example() {
	double := engine.Func1("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	worker.Main(&engine.Workflow{Name: "doubles", Functions: engine.Functions(double)})
}
