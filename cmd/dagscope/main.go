// Command dagscope runs DAG workflows and shows why they took as long as they did: package app has its commands.
package main

import (
	"github.com/dagscope/dagscope/cmd/app"
	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/engine/workflows"
)

func main() { app.Main(append(workflows.All(), wfformat.Workflow())...) }
