package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/worker"
)

const (
	// beatEvery is the interval of heartbeats, and lostAfter how long after the last one a process counts as lost.
	beatEvery = 5 * time.Second
	lostAfter = 15 * time.Second
	// rememberLost is how long a lost process is listed.
	rememberLost = 5 * time.Minute
)

// Present is a worker process that is alive or was lost recently.
type Present struct {
	worker.Snapshot
	Code      bool     `json:"code,omitempty"` // it executes what is not compiled into it
	Functions []string `json:"functions"`      // functions that it can execute, as name or name@version; nil for any
	// LastBeat is the time of its last heartbeat on the clock of Redis; Lost means that this is too long ago.
	LastBeat time.Time `json:"-"`
	Lost     bool      `json:"-"`
}

// PresentOf describes a pool that executes the functions of a catalogue.
func PresentOf(pool *worker.Pool, functions *Catalogue) Present {
	return Present{Snapshot: pool.Snapshot(), Functions: functions.Names(), Code: functions.AcceptsCode()}
}

// Presence announces this process in a hash of Redis. All fields are required.
type Presence struct {
	Client   goredis.UniversalClient
	Prefix   string // of the hash's key
	Describe func() Present
}

// beat writes an entry with the time of Redis, because clocks of machines differ. An abandoned hash expires after a day.
var beat = goredis.NewScript(`
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], 86400)`)

func presenceKey(prefix string) string { return prefix + "workers" }

// Run sends heartbeats until ctx ends, then removes the entry. A heartbeat that fails is made up for by the next one.
func (p Presence) Run(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	var name string
	for {
		self := p.Describe()
		name = self.Name
		p.beat(ctx, self)
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		p.Client.HDel(last, presenceKey(p.Prefix), name) // otherwise the process counts as lost
		return nil
	}
}

func (p Presence) beat(ctx context.Context, self Present) {
	text, err := json.Marshal(self)
	if err != nil {
		panic("worker: " + err.Error()) // only a field without a JSON form could cause it
	}
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	beat.Run(ctx, p.Client, []string{presenceKey(p.Prefix)}, self.Name, text)
}

// ListPresent lists live processes, and those lost up to five minutes ago, by name. It deletes the entries of processes
// lost before.
func ListPresent(ctx context.Context, client goredis.UniversalClient, prefix string) ([]Present, error) {
	key := presenceKey(prefix)
	entries, err := client.HGetAll(ctx, key).Result()
	if err != nil {
		return nil, fmt.Errorf("worker: list workers: %w", err)
	}
	now, err := client.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("worker: list workers: %w", err)
	}
	var present []Present
	for name, entry := range entries {
		p, err := readPresent(entry)
		if err != nil || now.Sub(p.LastBeat) > rememberLost {
			client.HDel(ctx, key, name) // a process that comes back writes it again
			continue
		}
		p.Lost = now.Sub(p.LastBeat) > lostAfter
		present = append(present, p)
	}
	slices.SortFunc(present, func(a, b Present) int { return strings.Compare(a.Name, b.Name) })
	return present, nil
}

func readPresent(entry string) (Present, error) {
	seconds, text, _ := strings.Cut(entry, " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Present{}, err
	}
	p := Present{LastBeat: time.Unix(at, 0)}
	return p, json.Unmarshal([]byte(text), &p)
}
