package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Service is the program under way as dagscope serve, and a client of its API. It must be stopped.
type Service struct {
	URL string // without a slash at its end
	cmd *exec.Cmd
}

// Build builds the program from a folder with its sources.
func Build(ctx context.Context, source, program string) error {
	return Command(ctx, source, "go", "build", "-o", program, "./cmd/dagscope")
}

// Command runs a program in a folder; its error has what the program printed.
func Command(ctx context.Context, folder, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = folder
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// Serve starts a service on a free port of loopback, with its data in a folder, and reads the address that it prints.
func Serve(ctx context.Context, program, data string) (*Service, error) {
	s := &Service{cmd: exec.CommandContext(ctx, program, "serve", "--addr", "127.0.0.1:0", "--data", data)}
	var log bytes.Buffer
	s.cmd.Stderr = &log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	_, url, found := strings.Cut(strings.TrimSpace(line), ": ")
	if err != nil || !found {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // what it printed says more
		return nil, fmt.Errorf("%s serve: expected its address, got %q: %s", program, line, log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // until the program ends
	s.URL = strings.TrimSuffix(url, "/")
	return s, nil
}

// PID is the number of the process.
func (s *Service) PID() int { return s.cmd.Process.Pid }

// Stop ends the service and waits for it.
func (s *Service) Stop() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
}

// Ask sends a request to a path of the API; a body of nil makes it a GET. The answer is decoded into a pointer, copied
// as it is into a *[]byte, or read and forgotten for nil.
func (s *Service) Ask(ctx context.Context, path string, body, into any) (err error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, content = http.MethodPost, bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, answer)
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*into = answer
		return nil
	}
	return json.Unmarshal(answer, into)
}

// Source is the folder of the module's sources, as Go finds it from bench.
func Source(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dagscope/dagscope")
	c.Stderr = os.Stderr
	dir, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("expected to be started in bench: %w", err)
	}
	return strings.TrimSpace(string(dir)), nil
}
