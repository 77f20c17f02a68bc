package api

import (
	"cmp"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// OfRun is the input of operations on one run.
type OfRun struct {
	Run string `path:"run" maxLength:"64" pattern:"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$" doc:"The run's id."`
}

func (i *OfRun) id() record.RunID { return record.RunID(i.Run) }

// Period bounds the start of runs.
type Period struct {
	From time.Time `query:"from" doc:"Only runs that started then or later."`
	To   time.Time `query:"to" doc:"Only runs that started before."`
}

// check refuses empty periods.
func (p *Period) check() error {
	if !p.From.IsZero() && !p.To.IsZero() && !p.From.Before(p.To) {
		return NewProblem(http.StatusBadRequest, "query.to is %s, expected a moment after query.from, %s",
			p.To.Format(time.RFC3339Nano), p.From.Format(time.RFC3339Nano))
	}
	return nil
}

// Conditional is the input of operations that may answer 304.
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" doc:"ETags that the client has; the response is 304 if one is still current."`
}

// Measured selects the metric of a statistic.
type Measured struct {
	Metric metricsstore.Metric `query:"metric" default:"execute_ns" enum:"queue_ns,wait_ns,fetch_ns,execute_ns,store_ns,update_ns,output_bytes,stored_bytes,output_bytes_per_s,cpu_ns,memory_bytes,read_bytes,written_bytes"`
}

// Quantiled asks for further quantiles.
type Quantiled struct {
	Quantiles []float64 `query:"quantiles" maxItems:"32" minimum:"0" maximum:"1" doc:"Quantiles in addition to those of the summary, separated by commas."`
}

// Exchange gives a handler access to the request itself, for bodies that are streams.
type Exchange struct {
	request *http.Request
	writer  http.ResponseWriter
}

// Resolve implements huma.Resolver.
func (e *Exchange) Resolve(ctx huma.Context) []error {
	e.request, e.writer = humachi.Unwrap(ctx)
	return nil
}

// answer is a response with headers for caches.
type answer[T any] struct {
	Status       int
	ETag         string `header:"ETag" doc:"Identifies this response; equal bytes have equal tags."`
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// created is the response to operations that create a run.
type created struct {
	Status   int
	Location string `header:"Location" doc:"The address of the run."`
	Body     RunSummary
}

// nothing is an input without parameters, or a response without a body.
type nothing struct{}

type runsInput struct {
	Period
	Compared
	Workflow string          `query:"workflow"`
	Engine   string          `query:"engine" doc:"Only runs of this engine, ignoring case: dagscope for runs that were not imported, unknown for recordings that do not say."`
	Status   []record.Status `query:"status,explode" enum:"queued,running,paused,succeeded,failed,cancelled,interrupted" doc:"Any of these; can be repeated."`
	Tag      string          `query:"tag"`
	Text     string          `query:"text" doc:"Searched for in ID, name, workflow, tags, note, parameters and error, ignoring case."`
	Sort     string          `query:"sort" enum:"started,makespan,tasks,bytes,workflow,status,added" default:"started"`
	Order    string          `query:"order" enum:"asc,desc" default:"desc"`
	Limit    int             `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor   string          `query:"cursor" maxLength:"4096" doc:"next of the preceding page; empty for the first."`
}

// Compared selects the peers of a run.
type Compared struct {
	Before string                 `query:"before" maxLength:"64" doc:"A run: select only its peers, at most the 100 latest that started before it, see peers."`
	Peers  metricsstore.PeerScope `query:"peers" enum:"same,workflow" doc:"same, the default: runs of the same workflow with the same versions of functions and the same parameters, for files the same power of two of their size, and for imported recordings the same graph. workflow: all runs of the same workflow. Only runs that succeeded and were never continued after they had ended. Requires before."`
}

// id is the run whose peers are selected, empty for none.
func (c *Compared) id() (record.RunID, error) {
	if c.Before == "" && c.Peers != "" {
		return "", NewProblem(http.StatusBadRequest, "query.peers is %s and query.before is missing, expected the run whose peers are selected", c.Peers)
	}
	return optionalRun("before", c.Before)
}

func (c *Compared) scope() metricsstore.PeerScope { return cmp.Or(c.Peers, metricsstore.SamePeers) }

type summaryInput struct {
	OfRun
	Conditional
	Peers metricsstore.PeerScope `query:"peers" enum:"same,workflow" default:"same" doc:"What standing compares the run with: same, runs of the same workflow with the same versions of functions and the same parameters; workflow, all runs of the same workflow."`
}

type submitInput struct {
	Exchange
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same request returns the same run, for 24 hours, from any server of the store. If two servers get the request at the same moment, each may start a run."`
}

type annotateInput struct {
	OfRun
	Body annotationChange
}

type runInput struct {
	OfRun
	Conditional
}

type retryInput struct {
	OfRun
	New bool `query:"new" doc:"Create a new run, even if this one could be continued."`
}

type schedulesInput struct {
	OfRun
	Conditional
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the preceding page; empty for the first."`
}

type scheduleInput struct {
	OfRun
	Conditional
	Root   uint32 `path:"root" doc:"The number of the root's node."`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"Nodes on a page."`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the preceding page; empty for the first."`
}

type layoutInput struct {
	OfRun
	Conditional
	Engine string `query:"engine" enum:"layered,dot" default:"layered" doc:"dot is for up to 300 tasks and needs Graphviz next to the server; otherwise the response is layered."`
}

type drawingInput struct {
	OfRun
	Conditional
	Format string `query:"format" enum:"svg,png,dot" default:"svg"`
}

type eventsInput struct {
	OfRun
	Conditional
	After uint64 `query:"after" maximum:"9007199254740991" doc:"Only events after this number."`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}

type tasksInput struct {
	OfRun
	Conditional
	Function string              `query:"function"`
	Outcome  []string            `query:"outcome,explode" enum:"ok,failed,retrying,cancelled,lost,skipped,cached" doc:"Any of these; can be repeated. A cached task was not executed, because its output was there from an earlier run; only imported runs have such. A skipped task has no attempt, see state."`
	State    string              `query:"state" enum:"skipped,not_run" doc:"List tasks without any attempt instead of attempts: those that were skipped, or not claimed when the run ended. They are in the order of their nodes. Can be combined with function only."`
	Worker   optional[int]       `query:"worker" minimum:"0" maximum:"65535"`
	Sort     metricsstore.Metric `query:"sort" enum:"queue_ns,wait_ns,fetch_ns,execute_ns,store_ns,update_ns,output_bytes,stored_bytes,output_bytes_per_s,cpu_ns,memory_bytes,read_bytes,written_bytes" doc:"A metric to sort by; absent for the order of the log."`
	Order    string              `query:"order" enum:"asc,desc" default:"desc"`
	Limit    int                 `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor   string              `query:"cursor" maxLength:"4096"`
}

type taskInput struct {
	OfRun
	Conditional
	Node uint32 `path:"node" doc:"The number of the task's node."`
}

type timelineInput struct {
	OfRun
	Conditional
	Buckets int `query:"buckets" minimum:"1" maximum:"2000" default:"60"`
}

type statsInput struct {
	OfRun
	Conditional
	Measured
	Quantiled
	GroupBy  metricsstore.GroupBy `query:"group_by" enum:"function,worker,level,none" default:"function"`
	Function string               `query:"function"`
	At       optional[int64]      `query:"at" minimum:"0" doc:"Only attempts that had ended this many nanoseconds after the start of the run."`
	Limit    int                  `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Groups on a page."`
	Cursor   string               `query:"cursor" maxLength:"4096"`
}

type exportInput struct {
	OfRun
	Conditional
	Format string `query:"format" enum:"csv,records,events,chrome,html,wfformat,wfformat-1.5,otlp,parquet" required:"true" doc:"csv and records have a line for each attempt, events has one for each event; chrome opens in Perfetto; html is the page of a run that has ended as one file that needs no network, and can be imported; wfformat is WfFormat 1.6 of WfCommons; otlp is a trace in OTLP JSON; parquet has a row for each attempt."`
}

type historyInput struct {
	Period
	Compared
	Measured
	Quantiled
	Workflow string               `query:"workflow"`
	Function string               `query:"function"`
	Version  optional[int]        `query:"version"`
	Bucket   metricsstore.Bucket  `query:"bucket" enum:"day" doc:"day: one part for each day in UTC."`
	GroupBy  metricsstore.GroupBy `query:"group_by" enum:"function,none" default:"none"`
	Except   string               `query:"except" maxLength:"64" doc:"A run to leave out."`
	Bins     int                  `query:"bins" minimum:"0" maximum:"200" default:"0" doc:"The most bars of a histogram; 0 for no histogram."`
}

type functionsInput struct {
	Period
	Workflow string `query:"workflow"`
}

type foundTasksInput struct {
	Period
	Measured
	Workflow string          `query:"workflow"`
	Function string          `query:"function"`
	Min      optional[int64] `query:"min" doc:"Only values of at least this."`
	Limit    int             `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

type workflowInput struct {
	Name string `path:"name" maxLength:"255"`
}
