package worker

import (
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Snapshot is the status of a pool at one moment. Its JSON is how worker processes announce themselves to others.
type Snapshot struct {
	Name        string               `json:"name"`
	Host        string               `json:"host"`
	PID         int                  `json:"pid"`
	Width       int                  `json:"width"`                       // processors that tasks may keep busy
	TaskMemory  int64                `json:"task_memory_bytes,omitempty"` // that tasks may declare together; 0 if not known
	Slots       int                  `json:"slots"`                       // lanes so far
	Busy        int                  `json:"busy"`                        // lanes that execute a task
	Leaked      int                  `json:"leaked"`                      // lanes whose body did not return after it was cancelled
	Warm        bool                 `json:"warm"`                        // a run has ended here
	StartedAt   time.Time            `json:"started_at"`                  // when New made it
	Running     map[record.RunID]int `json:"running"`                     // executing tasks by run; 0 for an active run without any
	Preparing   []Preparing          `json:"preparing,omitempty"`         // for runs whose tasks cannot be called yet
	TasksDone   int64                `json:"tasks_done"`                  // in active and ended runs
	CPU         time.Duration        `json:"cpu_ns"`                      // of the process
	MemoryBytes int64                `json:"memory_bytes"`                // of the process, its peak
}

// Preparing is a preparation that continues.
type Preparing struct {
	record.Preparation
	Run   record.RunID `json:"run"`
	Since time.Time    `json:"since"` // when it began
}

// Snapshot reads every lane once. Lanes continue meanwhile, so the figures are of moments that are close together.
func (p *Pool) Snapshot() Snapshot {
	used := readUsage()
	s := Snapshot{
		Name: p.cfg.Name, Host: p.host, PID: p.pid, Width: p.cfg.Width, TaskMemory: p.cfg.Memory, StartedAt: p.began,
		CPU: used.cpu, MemoryBytes: used.memoryBytes, Running: map[record.RunID]int{},
	}
	p.mu.Lock()
	s.Warm, s.TasksDone = p.ended > 0, p.tasksDone
	for _, j := range *p.jobs.Load() {
		s.Running[j.info.ID] = 0
		for _, p := range j.own.preparing() {
			s.Preparing = append(s.Preparing, Preparing{p, j.info.ID, j.info.StartedAt.Add(time.Duration(p.Started))})
		}
		s.TasksDone += int64(j.run.Progress().Done)
	}
	p.mu.Unlock()
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	for _, l := range *p.lanes.lanes.Load() {
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
