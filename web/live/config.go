package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Runs describes runs as they appear in lists. Safe for concurrent use.
type Runs interface {
	// Summary returns the summary of a run. The error wraps metricsstore.ErrNotFound if no such run exists.
	Summary(ctx context.Context, run record.RunID) (json.RawMessage, error)
	// Changed returns the summaries of the runs that may have changed since the previous call; returning too many only
	// costs time. Each has the run's ID in its field run. Calls do not overlap, and none is made while no client
	// watches the list.
	Changed(ctx context.Context) ([]json.RawMessage, error)
}

// Config of a Hub. Queries, Store and Runs are required; the zero value of the rest means the defaults.
type Config struct {
	// Queries must read from Store.
	Queries *metricsstore.Queries
	Store   metricsstore.Store
	Runs    Runs
	// Silent returns since when the store has not answered, and false if it answers; nil for a store that always
	// answers.
	Silent func() (since time.Time, silent bool)
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log receives the causes of errors, which clients do not get; default slog.Default().
	Log *slog.Logger
	// Heartbeat is how often each client gets its positions, by which it can verify that it has missed nothing; default
	// 10 s.
	Heartbeat time.Duration
	// PatchEvery is the minimum time between frames of one run; default 50 ms.
	PatchEvery time.Duration
	// WriteTimeout is how long one message may take before the client is dropped; default 10 s.
	WriteTimeout time.Duration
	// Keep is how long a run is followed after its last subscriber has left; default 5 s.
	Keep time.Duration
	// CacheRows bounds the rows of ended runs that are kept for the next subscriber; default 300,000, some 40 MB.
	CacheRows int
	// MaxClients bounds sockets and streams; default 4,096.
	MaxClients int
	// Origins are the hosts, as patterns of path.Match, of pages that may connect in addition to those of the same
	// host.
	Origins []string
}

const (
	// maxChannels bounds the subscriptions of one socket.
	maxChannels = 16
	// maxCommand bounds a message from a client, in bytes.
	maxCommand = 4 << 10
	// goodbye is how long a client may take to answer when the hub ends.
	goodbye = 2 * time.Second
	// retryAfter is how long a feed waits after the store has failed.
	retryAfter = time.Second
	// The intervals at which summaries are requested: of live runs, and of ended runs.
	pollEvery      = 500 * time.Millisecond
	pollEndedEvery = 5 * time.Second
	// pollWithin bounds the time of one such request, and pollsAtOnce how many are made at a time.
	pollWithin  = 30 * time.Second
	pollsAtOnce = 16
)

func (c Config) withDefaults() (Config, error) {
	if c.Queries == nil || c.Store == nil || c.Runs == nil {
		return c, errors.New("live: Queries, Store or Runs is nil, expected all of them")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&c.Heartbeat: 10 * time.Second, &c.PatchEvery: 50 * time.Millisecond, &c.WriteTimeout: 10 * time.Second, &c.Keep: 5 * time.Second,
	} {
		if *d <= 0 {
			*d = standard
		}
	}
	if c.CacheRows <= 0 {
		c.CacheRows = 300_000
	}
	if c.MaxClients <= 0 {
		c.MaxClients = 4096
	}
	return c, nil
}

// Stats are figures of a Hub: first its current state, then totals since it was made.
type Stats struct {
	Clients       int // sockets and streams
	Subscriptions int // to runs
	Feeds         int // runs whose tables are in memory
	Following     int // feeds whose logs are being followed
	Rows          int // of all tables

	Frames    uint64 // sent
	Bytes     uint64 // of frames sent
	Encoded   uint64 // bodies of frames that were encoded; the other Frames - Encoded were shared
	Coalesced uint64 // frames that covered more than one publication
	Resyncs   uint64 // snapshots that clients had to request
	Dropped   uint64 // clients that read too slowly
}
