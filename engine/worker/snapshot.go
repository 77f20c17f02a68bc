package worker

import (
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Snapshot is what a pool is at, at one moment.
type Snapshot struct {
	Name        string
	Host        string
	PID         int
	Width       int                  // processors that tasks may keep busy
	StartedAt   time.Time            // when New made it
	Slots       int                  // lanes that there are by now
	Busy        int                  // lanes that execute a task
	Leaked      int                  // lanes given up with a body that did not return when it was told to
	Warm        bool                 // a run has ended here
	Running     map[engine.RunID]int // tasks that are executed, by run; a run under way without any has a row too
	TasksDone   int64                // by runs that have ended or are under way
	CPU         time.Duration        // of the process
	MemoryBytes int64                // of the process, its peak
}

// Snapshot looks at every lane once. Lanes go on meanwhile, so the figures are of moments that lie close together.
func (p *Pool) Snapshot() Snapshot {
	used := readUsage()
	s := Snapshot{
		Name: p.cfg.Name, Host: p.host, PID: p.pid, Width: p.cfg.Width, StartedAt: p.began,
		CPU: used.cpu, MemoryBytes: used.memoryBytes, Running: map[engine.RunID]int{},
	}
	p.mu.Lock()
	s.Warm, s.TasksDone = p.ended > 0, p.tasksDone
	for _, j := range *p.jobs.Load() {
		s.Running[j.info.ID] = 0
		s.TasksDone += int64(j.run.Progress().Done)
	}
	p.mu.Unlock()
	p.crew.mu.Lock()
	defer p.crew.mu.Unlock()
	for _, l := range *p.crew.lanes.Load() {
		s.Slots++
		if l.leaked {
			s.Leaked++
		} else if a := l.executing(); a != nil {
			s.Busy++
			s.Running[a.job.info.ID]++
		}
	}
	return s
}
