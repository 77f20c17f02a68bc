package temporal

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// event is one event of a history, as far as it is read.
type event struct {
	id   int64
	at   records.Moment
	kind string // as in ActivityTaskScheduled
	attributes
}

// attributes are those of all types of events: a name means the same in each.
type attributes struct {
	Scheduled number `json:"scheduledEventId"`
	Initiated number `json:"initiatedEventId"`
	Started   number `json:"startedEventId"`
	Decision  number `json:"workflowTaskCompletedEventId"`
	Attempt   number `json:"attempt"`
	Identity  string `json:"identity"`

	Failure     *failure `json:"failure"`
	LastFailure *failure `json:"lastFailure"`
	Reason      string   `json:"reason"`
	Cause       any      `json:"cause"`
	Timeout     any      `json:"timeoutType"`

	names
	executions
}

// names are what attributes say about what is done.
type names struct {
	ActivityType named   `json:"activityType"`
	WorkflowType named   `json:"workflowType"`
	TaskQueue    named   `json:"taskQueue"`
	ActivityID   string  `json:"activityId"`
	TimerID      any     `json:"timerId"`
	Fires        string  `json:"startToFireTimeout"`
	Endpoint     string  `json:"endpoint"`
	Service      string  `json:"service"`
	Operation    string  `json:"operation"`
	SignalName   string  `json:"signalName"`
	MarkerName   string  `json:"markerName"`
	Details      details `json:"details"`
	Input        payload `json:"input"`
}

// executions are what attributes say about which execution is meant.
type executions struct {
	WorkflowID   string `json:"workflowId"`
	RunID        string `json:"originalExecutionRunId"`
	NewRunID     string `json:"newRunId"`
	ContinuedAs  string `json:"newExecutionRunId"`
	CronSchedule string `json:"cronSchedule"`
	Execution    struct {
		WorkflowID string `json:"workflowId"`
		RunID      string `json:"runId"`
	} `json:"workflowExecution"`
	Parent struct {
		WorkflowID string `json:"workflowId"`
	} `json:"parentWorkflowExecution"`
}

type named struct {
	Name string `json:"name"`
}

// failure is why something failed, and the failure that caused it.
type failure struct {
	Message string   `json:"message"`
	Source  string   `json:"source"`
	Stack   string   `json:"stackTrace"`
	Cause   *failure `json:"cause"`
	App     struct {
		Type string `json:"type"`
	} `json:"applicationFailureInfo"`
	Timeout struct {
		Type any `json:"timeoutType"`
	} `json:"timeoutFailureInfo"`
}

// number is a number that may be written as a string.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	if err != nil && string(text) != "null" {
		return &json.UnmarshalTypeError{Value: "value", Type: numberType}
	}
	*n = number(i)
	return nil
}

// payload is the beginning of arguments or details, as text.
type payload string

// maxPayload is how much of a payload is kept.
const maxPayload = 2 << 10

// UnmarshalJSON implements json.Unmarshaler. What is no payload is none.
func (p *payload) UnmarshalJSON(text []byte) error {
	var list struct {
		Payloads []struct {
			Metadata map[string]string `json:"metadata"`
			Data     any               `json:"data"`
		} `json:"payloads"`
	}
	if json.Unmarshal(text, &list) != nil {
		return nil
	}
	var parts []string
	for _, one := range list.Payloads {
		data, _ := one.Data.(string)
		raw, err := base64.StdEncoding.DecodeString(data)
		encoding, _ := base64.StdEncoding.DecodeString(one.Metadata["encoding"])
		if err == nil && strings.HasPrefix(string(encoding), "json/") {
			parts = append(parts, string(raw[:min(len(raw), maxPayload)]))
		}
	}
	whole := strings.Join(parts, ", ")
	*p = payload(strings.Clone(whole[:min(len(whole), maxPayload)]))
	return nil
}

// details are payloads by name; those of an event that has others are none.
type details map[string]payload

// UnmarshalJSON implements json.Unmarshaler.
func (d *details) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*map[string]payload)(d)) != nil {
		*d = nil
	}
	return nil
}

// stamp is a moment in one of the ways in which protocol buffers are written as JSON.
type stamp struct{ records.Moment }

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(text []byte) error {
	s.Moment = records.Unknown
	var parts struct {
		Seconds number `json:"seconds"`
		Nanos   int64  `json:"nanos"`
	}
	var word string
	switch {
	case json.Unmarshal(text, &word) == nil:
		if t, err := time.Parse(time.RFC3339Nano, word); err == nil {
			s.Moment = records.At(t)
		}
	case json.Unmarshal(text, &parts) == nil && parts.Seconds != 0:
		s.Moment = records.At(time.Unix(int64(parts.Seconds), parts.Nanos))
	}
	return nil
}

// parseEvent reads an event. Its type is the name of its attributes, or else its eventType, both without the
// difference between ACTIVITY_TASK_STARTED and ActivityTaskStarted.
func parseEvent(raw []byte) (event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return event{}, err
	}
	var head struct {
		ID   *number `json:"eventId"`
		Time stamp   `json:"eventTime"`
		Type any     `json:"eventType"`
	}
	head.Time.Moment = records.Unknown
	if err := json.Unmarshal(raw, &head); err != nil {
		return event{}, err
	}
	if head.ID == nil {
		return event{}, errNoEvent
	}
	e := event{id: int64(*head.ID), at: head.Time.Moment}
	if name, is := head.Type.(string); is {
		e.kind = spelling(name)
	}
	for name, value := range members {
		kind, found := strings.CutSuffix(name, "EventAttributes")
		if !found || kind == "" || string(value) == "null" {
			continue
		}
		e.kind = strings.ToUpper(kind[:1]) + kind[1:]
		if err := json.Unmarshal(value, &e.attributes); err != nil {
			return event{}, err
		}
		break
	}
	return e, nil
}

// spelling makes ActivityTaskStarted of EVENT_TYPE_ACTIVITY_TASK_STARTED.
func spelling(name string) string {
	short, found := strings.CutPrefix(name, "EVENT_TYPE_")
	if !found {
		return name
	}
	words := strings.Split(short, "_")
	for i, w := range words {
		if w != "" {
			words[i] = w[:1] + strings.ToLower(w[1:])
		}
	}
	return strings.Join(words, "")
}

// word is the last part of an enumerator such as TIMEOUT_TYPE_START_TO_CLOSE, or a number.
func word(value any, prefix string) string {
	switch v := value.(type) {
	case string:
		return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(v, prefix), "_", " "))
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
