package app

import (
	"fmt"
	"time"
)

// slowestFunctions is how many functions the demo shows.
const slowestFunctions = 10

// printDemo prints results, the slowest functions, and commands to continue with.
func (s *session) printDemo(d *demoJSON) error {
	if s.flags.JSON {
		return s.printJSON(d)
	}
	t := newTable(left("run"), left("workflow"), s.statusColumn("status"), right("tasks"), right("retried"),
		right("makespan"), left("records"), left("result"))
	for _, r := range d.Runs {
		result := ""
		switch {
		case r.Error != nil:
			result = fmt.Sprintf("%s: %s", r.Error.Kind, r.Error.Message)
		case r.ResultType != "":
			result = r.resultText()
		}
		records := "complete"
		if !r.Records.Complete {
			records = r.Records.text()
		}
		t.add(string(r.Run), oneLine(r.Workflow, 40), string(r.Status), count(int64(r.Tasks)), count(int64(r.Retries)),
			duration(time.Duration(r.MakespanNS)), records, oneLine(result, 48))
	}
	if err := t.print(s.stdout); err != nil {
		return err
	}
	if len(d.Functions) > 0 {
		fmt.Fprintln(s.stdout, "\nThe slowest functions, by the median of their times:")
		if err := s.printStatistics(d.Functions[:min(len(d.Functions), slowestFunctions)]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.stdout, `
The records are in %s. Look at them in a browser with
  %[2]s serve
or with commands such as
  %[2]s runs --status failed
  %[2]s tasks last
  %[2]s stats --workflow gemm --metric execute_ns
`, d.Data, s.name)
	return err
}
