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
	"github.com/dagscope/dagscope/web"
	"github.com/dagscope/dagscope/web/api"
)

// A process that executes runs has a door: a port of the loopback where other processes of the same user, who can read
// its address and key in the data folder, pause, resume and cancel what it executes. The folder's holder cannot do that
// for them, because it only keeps what they record.

const (
	// unnamed ends the name of a file that is not complete.
	unnamed = ".new"
	// doorFolder holds a file for each process, below the data folder.
	doorFolder = "processes"
	// doorWithin bounds a request to a door. Tasks have ten seconds to heed that their run is cancelled.
	doorWithin = 15 * time.Second
	// doorEvery is how often it is looked whether what was asked for has taken effect.
	doorEvery = 10 * time.Millisecond
	maxDoor   = 64 << 10 // of what a door is told or tells, in bytes
)

// doorFile is how others find a door.
type doorFile struct {
	Address string `json:"address"` // of the loopback, host:port
	Key     string `json:"key"`
	PID     int    `json:"pid"`
}

// doorAnswer tells how a run stands.
type doorAnswer struct {
	Status engine.Status `json:"status"`
}

// door is that of this process.
type door struct {
	engine *engine.Engine
	data   string // the folder
	key    string
	log    *slog.Logger
}

// Run answers until ctx ends. That there can be no door is told, and keeps no run from being executed.
func (d *door) Run(ctx context.Context) error {
	d.key = rand.Text()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err == nil {
		defer func() { _ = listener.Close() }() // by the server too, where there is one
		doors{d.data}.clear(ctx)
		var file string
		if file, err = d.name(listener.Addr().String()); err == nil {
			defer func() { _ = os.Remove(file) }() // whoever finds it later finds nobody there
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
		Handler: http.HandlerFunc(d.serve), ReadTimeout: doorWithin, MaxHeaderBytes: maxDoor, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
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

// name writes the file by which others find the door, as a whole.
func (d *door) name(address string) (string, error) {
	dir := filepath.Join(d.data, doorFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	data, err := json.Marshal(doorFile{Address: address, Key: d.key, PID: os.Getpid()})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("%d-%s.json", os.Getpid(), rand.Text()[:8]))
	err = os.WriteFile(path+unnamed, data, 0o600)
	if err == nil {
		err = os.Rename(path+unnamed, path)
	}
	if err != nil {
		_ = os.Remove(path + unnamed) // on a full disk, say
		return "", err
	}
	return path, nil
}

// serve answers POST /RUN/CONTROL: 200 with the status that the run has then, 404 where this process does not execute it.
func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+d.key)) != 1 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	id, word, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	control := api.Control(word)
	run, err := d.engine.Get(engine.RunID(id))
	if err != nil || r.Method != http.MethodPost || !slices.Contains(api.Controls(), control) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	control.Do(run)
	status := settled(r.Context(), run, control)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doorAnswer{status}) // whoever asked may have gone
}

// settled waits until a run is as a control wants it, of one that ends until that is recorded, and gives its status then.
func settled(ctx context.Context, run *engine.Run, control api.Control) engine.Status {
	ctx, cancel := context.WithTimeout(ctx, doorWithin-time.Second)
	defer cancel()
	tick := time.NewTicker(doorEvery)
	defer tick.Stop()
	for status := run.Progress().Status; ; status = run.Progress().Status {
		if status.Final() {
			_ = run.WaitRecorded(ctx) // whether it could be is told elsewhere
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

// doors are those of all processes on a data folder.
type doors struct{ data string }

// clear takes away what is left of processes that were killed: files of those that refuse to be reached, and files that
// were never completed.
func (d doors) clear(ctx context.Context) {
	dir := filepath.Join(d.data, doorFolder)
	files, _ := os.ReadDir(dir) // where it cannot be read, there is nothing to take away
	for _, f := range files {
		if isLeft(ctx, dir, f) {
			_ = os.Remove(filepath.Join(dir, f.Name())) // or the next process does it
		}
	}
}

func isLeft(ctx context.Context, dir string, f fs.DirEntry) bool {
	if ext := filepath.Ext(f.Name()); ext != ".json" && ext != unnamed {
		return false
	}
	var at doorFile
	data, err := os.ReadFile(filepath.Join(dir, f.Name()))
	if err != nil || strings.HasSuffix(f.Name(), unnamed) || json.Unmarshal(data, &at) != nil {
		info, err := f.Info()
		return err == nil && time.Since(info.ModTime()) > doorWithin // it is not being written
	}
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(ctx, "tcp", at.Address)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = c.Close() // nothing was said
	return false
}

// ask asks the process that executes a run, and gives the status that it has then. The error is web.ErrUnreached, or
// ctx's.
func (d doors) ask(ctx context.Context, run engine.RunID, control api.Control) (engine.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, doorWithin)
	defer cancel()
	dir := filepath.Join(d.data, doorFolder)
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext, DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		status, err := knock(ctx, client, filepath.Join(dir, f.Name()), run, control)
		if err == nil || ctx.Err() != nil {
			return status, err
		}
	}
	return "", web.ErrUnreached
}

// knock asks at one door. A file whose process has gone is taken away.
func knock(ctx context.Context, client *http.Client, file string, run engine.RunID, control api.Control) (engine.Status, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var at doorFile
	if err := json.Unmarshal(data, &at); err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.Address+"/"+string(run)+"/"+string(control), nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+at.Key)
	answer, err := client.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			_ = os.Remove(file) // of a process that could not take it away itself
		}
		return "", err
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	if answer.StatusCode != http.StatusOK {
		return "", web.ErrUnreached
	}
	var told doorAnswer
	err = json.NewDecoder(io.LimitReader(answer.Body, maxDoor)).Decode(&told)
	return told.Status, err
}
