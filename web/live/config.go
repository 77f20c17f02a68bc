package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// Runs describes runs as lists show them. Safe for concurrent use.
type Runs interface {
	// Summary gives the summary of a run. The error wraps metricsstore.ErrNotFound where there is none.
	Summary(ctx context.Context, run engine.RunID) (json.RawMessage, error)
	// Changed gives the summaries of the runs that may have changed since the call before; too many cost time only.
	// Each has the run's ID as its field run. There is one call at a time, and none while nobody wants to know.
	Changed(ctx context.Context) ([]json.RawMessage, error)
}

// Config of a Hub. Queries, Store and Runs are required; the zero value of the rest means the defaults.
type Config struct {
	// Queries answers from Store.
	Queries *metricsstore.Queries
	Store   metricsstore.Store
	Runs    Runs
	// Silent tells since when the store has not answered, false while it does; nil for one that always does.
	Silent func() (since time.Time, silent bool)
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log gets what clients are not told; default slog.Default().
	Log *slog.Logger
	// Heartbeat is how often each client is told that it misses nothing; default 10 s.
	Heartbeat time.Duration
	// PatchEvery is how long frames of one run are apart at least; default 50 ms.
	PatchEvery time.Duration
	// WriteTimeout is how long one message may take before the client is given up; default 10 s.
	WriteTimeout time.Duration
	// Keep is how long a run is followed after its last subscriber has gone; default 5 s.
	Keep time.Duration
	// CacheRows bounds the rows of ended runs that are kept for the next subscriber; default 300,000, some 40 MB.
	CacheRows int
	// MaxClients bounds sockets and streams; default 4,096.
	MaxClients int
	// Origins are host patterns of pages that may connect beside those of the same host, as path.Match has them.
	Origins []string
}

const (
	// maxChannels bounds the subscriptions of one socket.
	maxChannels = 16
	// maxCommand bounds a message from a client, in bytes.
	maxCommand = 4 << 10
	// goodbye is how long a client may take to answer the end of the hub.
	goodbye = 2 * time.Second
	// retryAfter is how long a feed leaves a store alone that has failed.
	retryAfter = time.Second
	// Summaries of runs are asked for so often while they are live, and while they have ended.
	pollEvery      = 500 * time.Millisecond
	pollEndedEvery = 5 * time.Second
	// pollWithin bounds one such question, and pollsAtOnce how many are asked at a time.
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

// Stats are figures of a Hub: what is there now, and what has happened since it was made.
type Stats struct {
	Clients       int // sockets and streams
	Subscriptions int // to runs
	Feeds         int // runs whose tables are held
	Following     int // those of them whose logs are followed
	Rows          int // of all tables

	Frames    uint64 // sent
	Bytes     uint64 // of frames sent
	Encoded   uint64 // bodies of frames made; Frames - Encoded were shared
	Coalesced uint64 // frames that made up for more than one publication
	Resyncs   uint64 // snapshots that clients had to ask for
	Dropped   uint64 // clients that read too slowly
}
