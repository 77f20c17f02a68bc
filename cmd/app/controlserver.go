package app

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/web/api"
)

// A process that executes runs has a control server on a loopback port. Other processes of the same user read its address
// and key in the data folder, and can then pause, resume and cancel the runs that it executes, and read the logs of tasks
// that have not ended. The owner of the folder cannot do that for them, because it only keeps what they record.

const (
	// partSuffix is the suffix of incomplete files.
	partSuffix = ".new"
	// controlFolder has a file for each process, below the data folder.
	controlFolder = "processes"
	// controlWithin bounds a request. Tasks have ten seconds to return after their run is cancelled.
	controlWithin = 15 * time.Second
	// controlEvery is how often the status is polled until a control has taken effect.
	controlEvery = 10 * time.Millisecond
	maxControl   = 64 << 10 // bytes of the head of a request
	// maxControlAnswer bounds a response, in bytes: the text of a log as base64, with room for the rest.
	maxControlAnswer = 2*record.MaxEvidence + 4096
)

// controlFile is how other processes find a control server.
type controlFile struct {
	Address string `json:"address"` // on the loopback, host:port
	Key     string `json:"key"`
	PID     int    `json:"pid"`
	// URL is the address of the service of the process, empty if it is none. The key lets a client submit code there.
	URL string `json:"url,omitempty"`
}

// controlAnswer has the status of a run after a control.
type controlAnswer struct {
	Status record.Status `json:"status"`
}

// controlServer is the control server of this process.
type controlServer struct {
	engine *engine.Engine
	pool   *worker.Pool // its executor
	data   string       // the folder
	key    string
	url    string // of the service, empty if this process is none
	log    *slog.Logger
}

// Run answers until ctx ends. If it cannot listen, it logs a warning, and runs are executed nevertheless.
func (d *controlServer) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err == nil {
		defer func() { _ = listener.Close() }() // the server may have closed it
		controlClient{d.data}.clear(ctx)
		var file string
		if file, err = d.name(listener.Addr().String()); err == nil {
			defer func() { _ = os.Remove(file) }() // another process may remove it, too
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			d.log.Warn("other processes cannot cancel or pause the runs of this one", "error", err)
		}
		<-ctx.Done()
		return nil
	}
	server := &http.Server{
		Handler: http.HandlerFunc(d.serve), ReadTimeout: controlWithin, MaxHeaderBytes: maxControl, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until it is closed
	}()
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = server.Shutdown(last)
	_ = server.Close()
	<-served
	return nil
}

// name atomically writes the file by which other processes find the server.
func (d *controlServer) name(address string) (string, error) {
	dir := filepath.Join(d.data, controlFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	data, err := json.Marshal(controlFile{Address: address, Key: d.key, PID: os.Getpid(), URL: d.url})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("%d-%s.json", os.Getpid(), rand.Text()[:8]))
	err = os.WriteFile(path+partSuffix, data, 0o600)
	if err == nil {
		err = os.Rename(path+partSuffix, path)
	}
	if err != nil {
		_ = os.Remove(path + partSuffix) // for example on a full disk
		return "", err
	}
	return path, nil
}

// serve answers POST /RUN/CONTROL: 200 with the resulting status of the run, and GET /RUN/log, see serveLog; 404 if this
// process does not execute the run.
func (d *controlServer) serve(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+d.key)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	id, word, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if word == logQuestion {
		d.serveLog(w, r, record.RunID(id))
		return
	}
	control := api.Control(word)
	run, err := d.engine.Get(record.RunID(id))
	if err != nil || r.Method != http.MethodPost || !slices.Contains(api.Controls(), control) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	control.Do(run)
	status := settled(r.Context(), run, control)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(controlAnswer{status}) // the client may be gone
}

// settled waits until a control has taken effect, and if the run ends until that is recorded, and returns its status.
func settled(ctx context.Context, run *engine.Run, control api.Control) record.Status {
	ctx, cancel := context.WithTimeout(ctx, controlWithin-time.Second)
	defer cancel()
	tick := time.NewTicker(controlEvery)
	defer tick.Stop()
	for status := run.Progress().Status; ; status = run.Progress().Status {
		if status.Final() {
			_ = run.WaitRecorded(ctx) // failures are reported elsewhere
			return status
		}
		if control.Reached(status) {
			return status
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return status
		}
	}
}

// controlClient reaches the control servers of all processes on a data folder.
type controlClient struct{ data string }

// clear removes files of processes that were killed: those whose address refuses connections, and those that were never
// completed.
func (d controlClient) clear(ctx context.Context) {
	dir := filepath.Join(d.data, controlFolder)
	files, _ := os.ReadDir(dir) // an unreadable folder has nothing to remove
	for _, f := range files {
		if isLeft(ctx, dir, f) {
			_ = os.Remove(filepath.Join(dir, f.Name())) // otherwise the next process does it
		}
	}
}

func isLeft(ctx context.Context, dir string, f fs.DirEntry) bool {
	if ext := filepath.Ext(f.Name()); ext != ".json" && ext != partSuffix {
		return false
	}
	var at controlFile
	data, err := os.ReadFile(filepath.Join(dir, f.Name()))
	if err != nil || strings.HasSuffix(f.Name(), partSuffix) || json.Unmarshal(data, &at) != nil {
		info, err := f.Info()
		return err == nil && time.Since(info.ModTime()) > controlWithin // it is not being written
	}
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", at.Address)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = c.Close() // nothing was sent
	return false
}

// ask sends a control to the process that executes a run, and returns the resulting status. The error is api.ErrUnreached
// if there is no such process, or that of ctx.
func (d controlClient) ask(ctx context.Context, run record.RunID, control api.Control) (record.Status, error) {
	var out controlAnswer
	err := d.call(ctx, http.MethodPost, string(run)+"/"+string(control), &out)
	return out.Status, err
}

// call makes a request to one process after the other, until one answers it. The error is as for ask.
func (d controlClient) call(ctx context.Context, method, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	dir := filepath.Join(d.data, controlFolder)
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		err := callOne(ctx, client, filepath.Join(dir, f.Name()), method, path, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return api.ErrUnreached
}

// callOne makes a request to one process. The file of a process that does not answer is removed.
func callOne(ctx context.Context, client *http.Client, file, method, path string, out any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var at controlFile
	if err := json.Unmarshal(data, &at); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+at.Address+"/"+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+at.Key)
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			_ = os.Remove(file) // its process was killed
		}
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if answer.StatusCode != http.StatusOK {
		return api.ErrUnreached
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxControlAnswer)).Decode(out)
}
