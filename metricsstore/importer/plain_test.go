package importer_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/codec"
)

// plain is the content of a recording, read in the plainest way: nothing is shared with what is tested.
type plain struct {
	makespan                time.Duration
	in, moved, out, written int64
	tasks                   map[string]*plainTask
}

type plainTask struct {
	function            string // filled in by the test
	runtime, cpu        time.Duration
	memory, read, wrote int64
	inputs              int64
	from                map[string]int64 // bytes by the task that made them, "" for those of none
}

type document struct {
	Workflow struct {
		Specification struct {
			Tasks []struct {
				ID                               string
				Parents, InputFiles, OutputFiles []string
			}
			Files []struct {
				ID          string
				SizeInBytes int64
			}
		}
		Execution struct {
			MakespanInSeconds float64
			Tasks             []struct {
				ID               string
				RuntimeInSeconds float64
				AvgCPU           *float64
				MemoryInBytes    *float64
				ReadBytes        *float64
				WrittenBytes     *float64
			}
		}
	}
}

func readPlainly(t testing.TB, content []byte) *plain {
	var d document
	require.NoError(t, json.Unmarshal(content, &d))
	size, maker, isRead := map[string]int64{}, map[string]string{}, map[string]bool{}
	for _, f := range d.Workflow.Specification.Files {
		size[f.ID] = f.SizeInBytes
	}
	p := &plain{makespan: seconds(d.Workflow.Execution.MakespanInSeconds), tasks: map[string]*plainTask{}}
	for _, task := range d.Workflow.Specification.Tasks {
		for _, f := range task.OutputFiles {
			maker[f] = task.ID
			p.written += size[f]
		}
	}
	for _, task := range d.Workflow.Specification.Tasks {
		own := &plainTask{from: map[string]int64{}}
		p.tasks[task.ID] = own
		slices.Sort(task.InputFiles)
		for _, f := range slices.Compact(task.InputFiles) {
			isRead[f] = true
			own.inputs += size[f]
			own.from[maker[f]] += size[f]
			if maker[f] == "" {
				p.in += size[f]
			} else {
				require.Contains(t, task.Parents, maker[f])
				p.moved += size[f]
			}
		}
	}
	for f := range maker {
		if !isRead[f] {
			p.out += size[f]
		}
	}
	for _, e := range d.Workflow.Execution.Tasks {
		own := p.tasks[e.ID]
		own.runtime, own.cpu = seconds(e.RuntimeInSeconds), time.Duration(codec.UnknownSize)
		if e.AvgCPU != nil {
			own.cpu = time.Duration(math.Round(float64(own.runtime) * (*e.AvgCPU / 100)))
		}
		own.memory, own.read, own.wrote = bytesOf(e.MemoryInBytes), bytesOf(e.ReadBytes), bytesOf(e.WrittenBytes)
	}
	return p
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

func bytesOf(v *float64) int64 {
	if v == nil {
		return codec.UnknownSize
	}
	return int64(math.Ceil(*v))
}
