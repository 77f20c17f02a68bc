package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/web/api"
)

const (
	// logQuestion is the last part of the path of requests for a log.
	logQuestion = "log"
	// askedWithin is how long this process is asked for the log of a task that a worker elsewhere may execute.
	askedWithin = time.Second
)

// taskLogs reads the logs of attempts that have not ended, in this process and in others on its data folder.
type taskLogs struct {
	machinery *machinery
	others    controlClient
}

// read implements api.Config.TaskLog.
func (l *taskLogs) read(ctx context.Context, run record.RunID, node dag.NodeID, after worker.LogPosition) (worker.LogPart, error) {
	if l.machinery.shared != nil {
		ctx, cancel := context.WithTimeout(ctx, askedWithin)
		defer cancel()
		part := l.machinery.pool.Log(ctx, run, node, after)
		if part.Next.Attempt == 0 {
			return part, api.ErrUnreached
		}
		return part, nil
	}
	if _, err := l.machinery.engine.Get(run); err == nil || after.Attempt > 0 && l.machinery.pool.Follows(run, node, after) {
		return l.machinery.pool.Log(ctx, run, node, after), nil
	}
	return l.others.taskLog(ctx, run, node, after)
}

// taskLog asks the process that executes a run. The error is as for ask.
func (d controlClient) taskLog(ctx context.Context, run record.RunID, node dag.NodeID, after worker.LogPosition) (worker.LogPart, error) {
	wait := time.Duration(0)
	if until, ok := ctx.Deadline(); ok {
		wait = max(0, time.Until(until))
	}
	query := url.Values{
		"node": {strconv.FormatUint(uint64(node), 10)}, "epoch": {strconv.Itoa(after.Epoch)}, "attempt": {strconv.Itoa(after.Attempt)},
		"offset": {strconv.FormatInt(after.Offset, 10)}, "wait": {wait.String()},
	}
	var out worker.LogPart
	// The other process ends the wait, so that its answer is not lost.
	err := d.call(context.WithoutCancel(ctx), http.MethodGet, string(run)+"/"+logQuestion+"?"+query.Encode(), &out)
	return out, err
}

// serveLog answers GET /RUN/log?node=N&epoch=E&attempt=A&offset=O&wait=D with a worker.LogPart, after waiting for up to D
// until there is more.
func (d *controlServer) serveLog(w http.ResponseWriter, r *http.Request, run record.RunID) {
	var node dag.NodeID
	var after worker.LogPosition
	q := r.URL.Query()
	_, err := fmt.Sscan(q.Get("node")+" "+q.Get("epoch")+" "+q.Get("attempt")+" "+q.Get("offset"), &node, &after.Epoch, &after.Attempt, &after.Offset)
	wait, badWait := time.ParseDuration(q.Get("wait"))
	if err != nil || badWait != nil || r.Method != http.MethodGet {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if _, err := d.engine.Get(run); err != nil && !d.pool.Follows(run, node, after) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, controlWithin-time.Second))
	defer cancel()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(d.pool.Log(ctx, run, node, after)) // the client may be gone
}
