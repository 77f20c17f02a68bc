package metricsstore

import (
	"strconv"
	"strings"
	"time"
)

// StrategyKind says when what is known of attempts in addition to their steps is uploaded.
type StrategyKind uint8

// Upload strategies. Whatever the strategy, the rest is uploaded when a run ends and before a Recorder stops.
const (
	// Periodic: one call with all that waits, when the oldest has waited for Every. At most that much time is lost
	// when the process is killed.
	Periodic StrategyKind = iota
	// AfterEachTask: one call for each attempt, before Details returns. Attempts that are delivered together, as are
	// those that ended during the previous call, go together in one call, so that a slow store delays the end of a
	// run by two calls and not by one for each task. When the process is killed, what has ended since the latest call
	// is lost.
	AfterEachTask
	// Queue: one call with Length records when so many wait, before Details returns. At most Length-1 are lost.
	Queue
	// Shutdown: one call at the end of the run. All are lost when the process is killed.
	Shutdown
)

// Strategy is an upload strategy. The zero value is the default, periodic=2s.
type Strategy struct {
	Kind   StrategyKind
	Every  time.Duration // of Periodic; 0 means 2 s
	Length int           // of Queue; 0 means 256
}

// Limits and defaults of strategies.
const (
	defaultEvery  = 2 * time.Second
	defaultLength = 256
	minEvery      = 10 * time.Millisecond
	maxEvery      = time.Hour
	maxLength     = maxWaiting / 4
)

// ParseStrategy reads after_each_task, periodic, periodic=2s (10ms to 1h), queue, queue=256 (1 to 16384) or shutdown.
// The empty text is the default. The error is ErrInvalid and says what was expected.
func ParseStrategy(s string) (Strategy, error) {
	name, value, valued := strings.Cut(s, "=")
	switch {
	case s == "":
		return Strategy{}.withDefaults(), nil
	case s == "after_each_task":
		return Strategy{Kind: AfterEachTask}, nil
	case s == "shutdown":
		return Strategy{Kind: Shutdown}, nil
	case name == "periodic" && !valued, name == "queue" && !valued:
		return Strategy{Kind: map[string]StrategyKind{"periodic": Periodic, "queue": Queue}[name]}.withDefaults(), nil
	case name == "periodic":
		d, err := time.ParseDuration(value)
		if err != nil || d < minEvery || d > maxEvery {
			return Strategy{}, invalid("upload strategy %q, expected periodic=DURATION from %s to %s", s, minEvery, maxEvery)
		}
		return Strategy{Kind: Periodic, Every: d}, nil
	case name == "queue":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxLength {
			return Strategy{}, invalid("upload strategy %q, expected queue=N from 1 to %d", s, maxLength)
		}
		return Strategy{Kind: Queue, Length: n}, nil
	}
	return Strategy{}, invalid("upload strategy %q, expected after_each_task, periodic=2s, queue=256 or shutdown", s)
}

// String returns the text that ParseStrategy reads.
func (s Strategy) String() string {
	s = s.withDefaults()
	switch s.Kind {
	case AfterEachTask:
		return "after_each_task"
	case Queue:
		return "queue=" + strconv.Itoa(s.Length)
	case Shutdown:
		return "shutdown"
	}
	return "periodic=" + short(s.Every)
}

// short writes a duration without units that are zero: 2s, 1m30s, 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (s Strategy) withDefaults() Strategy {
	if s.Kind == Periodic && s.Every <= 0 {
		s.Every = defaultEvery
	}
	if s.Kind == Queue && s.Length <= 0 {
		s.Length = defaultLength
	}
	return s
}

// UnmarshalText is ParseStrategy, for flags and fields of JSON.
func (s *Strategy) UnmarshalText(text []byte) error {
	parsed, err := ParseStrategy(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// MarshalText is String.
func (s Strategy) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
