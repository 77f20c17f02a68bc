// Command dagscope-worker executes tasks of the built-in workflows for runs that processes share over Redis. It has neither
// dashboard nor records, so it is small and starts fast; package cmd/app/worker has its flags.
package main

import (
	"github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine/workflows"
)

func main() { worker.Main(workflows.All()...) }
