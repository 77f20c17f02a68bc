package record

import "time"

// Rules are the rules of WUKONG (SoCC'20), by which workers avoid moving data and waking others. The zero value applies
// all of them, with the defaults. They have an effect only if several processes share a run.
type Rules struct {
	// NoBecome: a worker does not continue with a task that its completion made ready, so every task is claimed separately.
	NoBecome bool `json:"no_become,omitempty"`
	// NoClustering: tasks are not moved to the worker that holds their large input.
	NoClustering bool `json:"no_clustering,omitempty"`
	// NoDelay: a large output whose consumer is not ready is stored at once.
	NoDelay bool `json:"no_delay,omitempty"`
	// NoInline: small outputs are not sent within the call that ends their task.
	NoInline bool `json:"no_inline,omitempty"`
	// NoPreload: inputs are fetched when the task is claimed, not while it waits for a lane.
	NoPreload bool `json:"no_preload,omitempty"`
	// StoreAll: every output is stored, even if only this worker needs it.
	StoreAll bool `json:"store_all,omitempty"`
	// ClusterBytes is the size from which an output attracts its consumers; default 4 MiB.
	ClusterBytes int64 `json:"cluster_bytes,omitempty"`
	// InlineBytes is the largest size of an output that is sent inline; default 16 KiB.
	InlineBytes int64 `json:"inline_bytes,omitempty"`
	// HoldFor is how long a large output waits for its consumers before it is stored; default 2 s.
	HoldFor time.Duration `json:"hold_for_ns,omitempty"`
	// Invokers is how many workers a wide fan-out invokes at a time; default 16.
	Invokers int `json:"invokers,omitempty"`
	// PoisonAfter is how many workers a task may crash before it is given up; default 3.
	PoisonAfter int `json:"poison_after,omitempty"`
}

// WithDefaults fills in the defaults.
func (r Rules) WithDefaults() Rules {
	if r.ClusterBytes <= 0 {
		r.ClusterBytes = 4 << 20
	}
	if r.InlineBytes <= 0 {
		r.InlineBytes = 16 << 10
	}
	if r.HoldFor <= 0 {
		r.HoldFor = 2 * time.Second
	}
	if r.Invokers <= 0 {
		r.Invokers = 16
	}
	if r.PoisonAfter <= 0 {
		r.PoisonAfter = 3
	}
	return r
}

// Savings counts what the rules did for one worker in one run.
type Savings struct {
	Became         int64         `json:"became"`           // tasks continued with instead of handed out
	Invoked        int64         `json:"invoked"`          // tasks handed out
	Clustered      int64         `json:"clustered"`        // tasks moved to their large input
	DelayedHeld    int64         `json:"delayed_held"`     // outputs held for a consumer that was not ready
	DelayedStored  int64         `json:"delayed_stored"`   // held outputs that had to be stored after all
	NotStoredBytes int64         `json:"not_stored_bytes"` // of outputs that never left the worker
	StoredBytes    int64         `json:"stored_bytes"`
	InlineBytes    int64         `json:"inline_bytes"`
	FetchedBytes   int64         `json:"fetched_bytes"`
	Preloaded      int64         `json:"preloaded"`          // inputs that had arrived before their task got a lane
	Preload        time.Duration `json:"preload_ns"`         // how long fetching them took
	Invalidated    int64         `json:"invalidated"`        // outputs that were lost and asked for again
	Commands       uint64        `json:"commands,omitempty"` // sent to the store by this worker's process
	RoundTrips     uint64        `json:"round_trips,omitempty"`
}
