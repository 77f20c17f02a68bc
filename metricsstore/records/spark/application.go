package spark

import (
	"math"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// application is what a log says about one attempt of an application.
type application struct {
	run       *records.Run
	version   string
	id        string
	attempt   string
	began     bool // there was a SparkListenerApplicationStart
	ended     bool // there was a SparkListenerApplicationEnd
	exitCode  int64
	start     int64
	cores     int64           // of a task, as configured
	profiles  map[int64]int64 // cores of a task by resource profile
	stages    stages
	info      stageInfo        // reused
	infos     []stageInfo      // reused
	queries   map[int64]string // what executions of SQL are called
	attempts  attempts
	executors map[string]int32 // numbers in run.Workers
	removals  map[string]int   // reasons
	jobs      jobs
	ignored   int      // events that say nothing about tasks
	lacks     []string // why the run does not cover the whole application
}

// jobs are the jobs of an application.
type jobs struct {
	open      map[int64][]int32 // the stages of those that have not ended
	count     int
	failed    int
	unstarted int
	errors    []string // of the first that failed
}

const (
	keptErrors    = 5
	keptRemovals  = 20
	mostExecutors = records.MaxWorkers - 2 // a run has one more for what is on none
)

func newApplication() *application {
	return &application{
		run: records.NewRun("Spark", "Spark event log"), exitCode: missing, cores: missing,
		queries:  map[int64]string{},
		profiles: map[int64]int64{}, executors: map[string]int32{}, removals: map[string]int{},
		jobs: jobs{open: map[int64][]int32{}},
	}
}

// empty reports whether nothing worth a run was read.
func (a *application) empty() bool {
	return !a.began && len(a.attempts.keys) == 0 && len(a.stages.byID) == 0
}

// rare adds an event of which a log has few.
func (a *application) rare(name string, e gjson.Result) {
	switch name {
	case "SparkListenerLogStart":
		a.version = a.text(e.Get("Spark Version"))
	case "SparkListenerApplicationStart":
		a.begin(e)
	case "SparkListenerApplicationEnd":
		a.ended = true
		a.run.Ended = moment(integer(e.Get("Timestamp")))
		a.exitCode = integer(e.Get("ExitCode"))
	case "SparkListenerEnvironmentUpdate":
		a.environment(e.Get("Spark Properties"))
	case "SparkListenerResourceProfileAdded":
		if cpus := integer(e.Get("Task Resource Requests.cpus.Amount")); cpus > 0 && len(a.profiles) < records.MaxWorkers {
			a.profiles[integer(e.Get("Resource Profile Id"))] = cpus
		}
	case "SparkListenerExecutorAdded":
		a.executorAdded(e)
	case "SparkListenerExecutorRemoved":
		a.executorRemoved(e)
	case "SparkListenerJobEnd":
		a.jobEnd(e)
	}
}

func (a *application) text(r gjson.Result) string { return a.attempts.texts.keep([]byte(r.String())) }

func (a *application) begin(e gjson.Result) {
	a.began = true
	a.id, a.attempt = a.text(e.Get("App ID")), a.text(e.Get("App Attempt ID"))
	a.start = integer(e.Get("Timestamp"))
	a.run.Started = moment(a.start)
	a.run.Workflow = a.text(e.Get("App Name"))
	a.param("user", a.text(e.Get("User")))
}

// environment keeps what says most about how an application ran. The rest, hundreds of settings, is left out.
func (a *application) environment(properties gjson.Result) {
	properties.ForEach(func(key, value gjson.Result) bool {
		switch key.String() {
		case "spark.master":
			a.param("master", a.text(value))
		case "spark.submit.deployMode":
			a.param("deploy mode", a.text(value))
		case "spark.task.cpus":
			a.cores = integer(value)
		case "spark.app.id":
			if a.id == "" {
				a.id = a.text(value)
			}
		case "spark.app.name":
			if a.run.Workflow == "" {
				a.run.Workflow = a.text(value)
			}
		}
		return true
	})
}

func (a *application) param(name, value string) {
	if value == "" {
		return
	}
	if a.run.Params == nil {
		a.run.Params = map[string]string{}
	}
	a.run.Params[name] = value
}

// key identifies the application among all: IDs of local applications are clock readings, and copies of one log have
// the same start.
func (a *application) key() string {
	if a.id == "" {
		return ""
	}
	key := a.id
	if a.attempt != "" {
		key += "/" + a.attempt
	}
	if a.start > 0 {
		key += "@" + strconv.FormatInt(a.start, 10)
	}
	return key
}

// worker returns the number of an executor, which is added if it is new; None if it has no ID, or if there are too many.
func (a *application) worker(id, host []byte) int32 {
	if len(id) == 0 {
		return records.None
	}
	if n, ok := a.executors[string(id)]; ok {
		return n
	}
	if len(a.executors) == mostExecutors {
		return records.None
	}
	name := a.attempts.texts.keep(id)
	if strings.Trim(name, "0123456789") == "" {
		name = "executor " + name
	}
	n := a.run.AddWorker(name)
	a.run.Workers[n].Host = a.attempts.texts.keep(host)
	a.executors[a.attempts.texts.keep(id)] = n
	return n
}

func (a *application) executorAdded(e gjson.Result) {
	info := e.Get("Executor Info")
	n := a.worker([]byte(e.Get("Executor ID").String()), []byte(info.Get("Host").String()))
	if n == records.None {
		return
	}
	w := &a.run.Workers[n]
	w.Started = moment(integer(e.Get("Timestamp")))
	if cores := integer(info.Get("Total Cores")); cores > 0 && cores <= 1<<20 {
		w.Cores = int(cores)
	}
}

func (a *application) executorRemoved(e gjson.Result) {
	if n := a.worker([]byte(e.Get("Executor ID").String()), nil); n != records.None {
		a.run.Workers[n].Ended = moment(integer(e.Get("Timestamp")))
	}
	reason := a.text(e.Get("Removed Reason"))
	if _, ok := a.removals[reason]; !ok && len(a.removals) == keptRemovals {
		reason = "other reasons"
	}
	a.removals[reason]++
}

func (a *application) jobEnd(e gjson.Result) {
	id := integer(e.Get("Job ID"))
	ids, started := a.jobs.open[id]
	if !started {
		a.jobs.unstarted++
	}
	delete(a.jobs.open, id)
	result := e.Get("Job Result")
	if result.Get("Result").String() == "JobSucceeded" {
		return
	}
	a.jobs.failed++
	a.want(ids)
	if len(a.jobs.errors) < keptErrors {
		message := sentence("job "+strconv.FormatInt(max(id, 0), 10)+" failed", result.Get("Exception.Message").String())
		a.jobs.errors = append(a.jobs.errors, a.attempts.texts.keep([]byte(message)))
	}
}

// want marks stages that a job still needed.
func (a *application) want(ids []int32) {
	for _, id := range ids {
		a.stages.get(id).wanted = true
	}
}

// verdict sets the status of the run, as far as the log says.
func (a *application) verdict() {
	r := a.run
	switch {
	case a.exitCode == 0:
		r.Status = record.Succeeded
	case a.exitCode != missing:
		r.Status, r.Error = record.Failed, "exit code "+strconv.FormatInt(a.exitCode, 10)
	case !a.ended:
		return
	case a.jobs.failed > 0:
		r.Status = record.Failed
	case a.jobs.count > 0:
		r.Status = record.Succeeded
	}
	if a.exitCode == missing && r.Status != "" {
		r.Notes.Remark(record.NoteInferred, "the log has no exit code, so whether the application succeeded follows from its jobs")
	}
	if r.Status == record.Failed && len(a.jobs.errors) > 0 {
		r.Error = sentence(r.Error, a.jobs.errors[0])
	}
}

// integer is a number, or a text that stands for one, missing if it is none.
func integer(r gjson.Result) int64 {
	if r.Type != gjson.Number && r.Type != gjson.String {
		return missing
	}
	if f := r.Float(); math.IsNaN(f) || math.Abs(f) > 1<<62 {
		return missing
	}
	return r.Int()
}
