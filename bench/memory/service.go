package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	clients = 4   // that submit at a time
	block   = 500 // runs between two lines of the report
)

// service is the program that serves a data folder of its own.
type service struct {
	process *exec.Cmd
	address string
}

var addressOf = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serve starts the program and waits until it says where it listens.
func serve(ctx context.Context, program, data string) (*service, error) {
	c := exec.CommandContext(ctx, program, "serve", "--addr", "127.0.0.1:0", "--data", data)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address := addressOf.FindString(lines.Text()); address != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // until the program ends
			return &service{c, address}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s serve does not say where it listens", program), c.Wait())
}

// end stops the program and waits for it.
func (s *service) end() error {
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return s.process.Wait()
}

// figures are what was measured once so many runs had been submitted.
type figures struct {
	runs       int
	rate       float64 // of the last of them, a second
	memory     usage
	statistics time.Duration
}

// load submits runs and tells of each block of them. It returns the last figures.
func (s *service) load(ctx context.Context, runs int, tell func(figures)) (f figures, err error) {
	for f.runs < runs {
		n, began := min(block, runs-f.runs), time.Now()
		if err := s.submit(ctx, n); err != nil {
			return f, err
		}
		f.runs, f.rate = f.runs+n, float64(n)/time.Since(began).Seconds()
		if f.memory, err = usageOf(s.process.Process.Pid); err != nil {
			return f, err
		}
		if f.statistics, err = s.statistics(ctx); err != nil {
			return f, err
		}
		tell(f)
	}
	return f, nil
}

// submit submits n runs by several clients.
func (s *service) submit(ctx context.Context, n int) error {
	var wait sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		wait.Go(func() {
			for range (n + i) / clients {
				if err := s.submitOne(ctx); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(failed)
	return <-failed
}

func (s *service) submitOne(ctx context.Context) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address+"/api/v1/runs", bytes.NewBufferString(`{"workflow":"diamond-skip"}`))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return err
	}
	if a.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST /runs: %s, expected 201", a.Status)
	}
	return nil
}

// statistics is the least time that a statistic over all runs takes, of several.
func (s *service) statistics(ctx context.Context) (time.Duration, error) {
	least := time.Hour
	for range 5 {
		began := time.Now()
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+"/api/v1/stats?group_by=function", nil)
		if err != nil {
			return 0, err
		}
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, a.Body)
		if err = errors.Join(err, a.Body.Close()); err != nil {
			return 0, err
		}
		if a.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("GET /stats: %s, expected 200", a.Status)
		}
		least = min(least, time.Since(began))
	}
	return least, nil
}

// usage is the memory of a process, in MB.
type usage struct {
	Resident float64
	Own      float64 // without pages of files
}

var usageField = regexp.MustCompile(`(?m)^(VmRSS|RssAnon):\s+(\d+) kB$`)

func usageOf(pid int) (usage, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, err
	}
	var u usage
	for _, m := range usageField.FindAllSubmatch(status, -1) {
		kb, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return usage{}, err
		}
		if string(m[1]) == "VmRSS" {
			u.Resident = kb / 1024
		} else {
			u.Own = kb / 1024
		}
	}
	return u, nil
}

// ticks is how many parts of a second /proc counts in.
const ticks = 100

// processorTime is what a process has used of processors.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, fields, _ := strings.Cut(string(stat), ") ") // the name of the program, in parentheses, may have spaces
	var total time.Duration
	for _, field := range strings.Fields(fields)[11:13] { // user and system time
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * time.Second / ticks
	}
	return total, nil
}
