package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/api"
	"github.com/dagscope/dagscope/web/client"
)

// maxFetched bounds the archive of a run downloaded from a service, in bytes.
const maxFetched = 512 << 20

// targetFlags select where a run is: in the folder of --data, in Redis, or with a service.
type targetFlags struct {
	storeFlags
	Server    string `placeholder:"URL" help:"Use the service at this address, such as http://127.0.0.1:8080/, instead of --data."`
	TokenFile string `placeholder:"FILE" help:"The file with the token that this service requires."`
}

// check refuses invalid combinations.
func (f targetFlags) check() error {
	switch {
	case f.Server != "" && f.IsSet():
		return errors.New("--server and --redis are both given, expected one of them: the service knows its Redis")
	case f.Server == "" && f.TokenFile != "":
		return errors.New("--token-file is given without --server, expected both: the token is that of a service")
	}
	return nil
}

// service is the client of a service, as commands use it.
type service struct{ *client.Client }

// service makes the client for --server.
func (f targetFlags) service() (service, error) {
	token, err := readToken(f.TokenFile)
	if err != nil {
		return service{}, err
	}
	c, err := client.New(client.Config{URL: f.Server, Token: token, HTTP: &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
	}}})
	if err != nil {
		return service{}, usage("--server is %q, expected the address of a service such as http://127.0.0.1:8080/", f.Server)
	}
	return service{c}, nil
}

// find is findRun among the runs of a service.
func (s service) find(ctx context.Context, text string) (record.RunID, error) {
	query := url.Values{"limit": {"1"}}
	if text != lastRun {
		if _, err := record.ParseRunID(text); err == nil {
			if run, err := s.Run(ctx, record.RunID(text)); err == nil {
				return run.Run, nil
			}
		}
		query = url.Values{"limit": {"1000"}, "text": {text}}
	}
	list, err := s.Runs(ctx, query)
	if err != nil {
		return "", serviceError(err)
	}
	var found []metricsstore.Run
	for i := range list.Runs {
		id := list.Runs[i].Run
		if text == lastRun || strings.HasPrefix(string(id), text) || strings.HasSuffix(string(id), text) {
			found = append(found, metricsstore.Run{Header: metricsstore.Header{Info: record.RunInfo{ID: id}}})
		}
	}
	r, err := oneOf(found, text, false)
	return r.Info.ID, err
}

// findAll is find for several texts; a run that several of them name is listed once.
func (s service) findAll(ctx context.Context, texts []string) ([]record.RunID, error) {
	var found []record.RunID
	for _, text := range texts {
		id, err := s.find(ctx, text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found, nil
}

// fetched downloads a run and returns a store in memory that has it.
func (s service) fetched(ctx context.Context, id record.RunID) (metricsstore.Store, error) {
	body, err := s.Archive(ctx, id)
	if err != nil {
		return nil, serviceError(err)
	}
	defer func() { _ = body.Close() }() // it was read completely
	p, err := metricsstore.ReadArchive(body, maxFetched)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", id, err)
	}
	store := memory.New()
	archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
	if err != nil {
		return nil, err
	}
	_, err = archiver.Import(ctx, p)
	return store, err
}

// serviceError converts errors of a service to errors with the exit codes of equivalent local errors.
func serviceError(err error) error {
	var p *api.Problem
	switch {
	case errors.Is(err, client.ErrUnreachable):
		return storeError{fmt.Errorf("--server: expected a service: %s", strings.TrimPrefix(err.Error(), "client: "))}
	case errors.As(err, &p) && p.Status == http.StatusUnauthorized:
		return usage("--token-file: expected a file with the token of the service, which answers: %s", p.Detail)
	case errors.As(err, &p) && p.Status < http.StatusInternalServerError && p.Status != http.StatusConflict:
		return usageError{err}
	}
	return err
}

// withRun calls f with a run and a store that has it: the one that the flags select, or a download from a service.
func (s *session) withRun(ctx context.Context, at targetFlags, text string, f func(metricsstore.Store, *metricsstore.Run) error) error {
	if at.Server == "" {
		return s.withStore(ctx, at.storeFlags, func(store metricsstore.Store) error {
			r, err := findRun(ctx, store, text)
			if err != nil {
				return err
			}
			return f(store, &r)
		})
	}
	remote, err := at.service()
	if err != nil {
		return err
	}
	id, err := remote.find(ctx, text)
	if err != nil {
		return err
	}
	now, err := remote.Run(ctx, id)
	if err != nil {
		return serviceError(err)
	}
	store, err := remote.fetched(ctx, id)
	if err != nil {
		return err
	}
	r, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	if now.Live {
		r.Status = now.Status // an import ends a run whose archive has no end
	}
	return f(store, &r)
}
