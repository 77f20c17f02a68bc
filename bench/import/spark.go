package main

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Numbers of a log that each repetition has to have of its own: IDs, and moments in milliseconds since 1970.
var (
	sparkNumber = regexp.MustCompile(`"(?:(Stage ID|Task ID|Job ID|RDD ID|executionId)|(Launch Time|Finish Time|Getting Result Time|Submission Time|Completion Time|time))":(\d+)`)
	sparkList   = regexp.MustCompile(`"(?:Parent IDs|Stage IDs)":\[([\d,]+)\]`)
	digits      = regexp.MustCompile(`\d+`)
)

// sparkPart is text up to a number, and the number: an ID, or a moment.
type sparkPart struct {
	text   []byte
	number int64
	moment bool
}

// repeatSpark repeats all events between the start of the application and its end.
func repeatSpark(w io.Writer, source []byte, size int64) error {
	var head, tail []byte
	var middle []sparkPart
	body := 0
	for line := range bytes.Lines(source) {
		switch {
		case bytes.Contains(line, []byte("SparkListenerApplicationEnd")):
			tail = append(tail, line...)
		case body == 0 && !bytes.Contains(line, []byte("SparkListenerJobStart")) && !bytes.Contains(line, []byte("SparkListenerTask")):
			head = append(head, line...)
		default:
			body += len(line)
			middle = append(middle, sparkParts(line)...)
		}
	}
	ids, span := sparkSpans(middle)
	if _, err := w.Write(head); err != nil {
		return err
	}
	var block []byte
	for n := int64(0); n == 0 || n*int64(body) < size; n++ {
		block = block[:0]
		for _, p := range middle {
			block = append(block, p.text...)
			switch {
			case p.number < 0:
			case p.moment:
				block = strconv.AppendInt(block, p.number+n*span, 10)
			default:
				block = strconv.AppendInt(block, p.number+n*ids, 10)
			}
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	_, err := w.Write(tail)
	return err
}

// sparkParts takes a line apart. The last part has no number.
func sparkParts(line []byte) []sparkPart {
	var parts []sparkPart
	type place struct {
		begin, end int
		moment     bool
	}
	var places []place
	for _, m := range sparkNumber.FindAllSubmatchIndex(line, -1) {
		places = append(places, place{m[6], m[7], m[4] >= 0})
	}
	for _, m := range sparkList.FindAllSubmatchIndex(line, -1) {
		for _, d := range digits.FindAllIndex(line[m[2]:m[3]], -1) {
			places = append(places, place{m[2] + d[0], m[2] + d[1], false})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.begin, b.begin) })
	at := 0
	for _, p := range places {
		n, err := strconv.ParseInt(string(line[p.begin:p.end]), 10, 64)
		if err != nil || p.moment && n == 0 {
			continue // 0 is no moment
		}
		parts = append(parts, sparkPart{line[at:p.begin], n, p.moment})
		at = p.end
	}
	return append(parts, sparkPart{text: line[at:], number: -1})
}

// sparkSpans says by how much the IDs and the moments of a repetition differ from those of the one before.
func sparkSpans(parts []sparkPart) (ids, span int64) {
	first, last := int64(1<<62), int64(0)
	for _, p := range parts {
		switch {
		case p.number < 0:
		case p.moment:
			first, last = min(first, p.number), max(last, p.number)
		default:
			ids = max(ids, p.number+1)
		}
	}
	return ids, max(last-first, 0) + 1
}

// sparkEvent has what the reader of logs uses.
type sparkEvent struct {
	Event        string
	StageID      int64 `json:"Stage ID"`
	StageAttempt int64 `json:"Stage Attempt ID"`
	Reason       *struct {
		Reason      string
		Class       string `json:"Class Name"`
		Description string
		Trace       string `json:"Full Stack Trace"`
		LossReason  string `json:"Loss Reason"`
		Message     string
	} `json:"Task End Reason"`
	Task    *sparkTask    `json:"Task Info"`
	Metrics *sparkMetrics `json:"Task Metrics"`
	Stage   *sparkStage   `json:"Stage Info"`
	Stages  []sparkStage  `json:"Stage Infos"`
}

type sparkTask struct {
	ID          int64 `json:"Task ID"`
	Index       int64
	Partition   int64  `json:"Partition ID"`
	Launch      int64  `json:"Launch Time"`
	Executor    string `json:"Executor ID"`
	Host        string
	Locality    string
	Speculative bool
	Getting     int64 `json:"Getting Result Time"`
	Finish      int64 `json:"Finish Time"`
	Failed      bool
	Killed      bool
}

type sparkMetrics struct {
	Deserialize    int64 `json:"Executor Deserialize Time"`
	DeserializeCPU int64 `json:"Executor Deserialize CPU Time"`
	Run            int64 `json:"Executor Run Time"`
	CPU            int64 `json:"Executor CPU Time"`
	Peak           int64 `json:"Peak Execution Memory"`
	GC             int64 `json:"JVM GC Time"`
	Serialize      int64 `json:"Result Serialization Time"`
	SpilledMemory  int64 `json:"Memory Bytes Spilled"`
	SpilledDisk    int64 `json:"Disk Bytes Spilled"`
	Read           struct {
		Wait   int64 `json:"Fetch Wait Time"`
		Remote int64 `json:"Remote Bytes Read"`
		Local  int64 `json:"Local Bytes Read"`
	} `json:"Shuffle Read Metrics"`
	Write struct {
		Bytes int64 `json:"Shuffle Bytes Written"`
		Time  int64 `json:"Shuffle Write Time"`
	} `json:"Shuffle Write Metrics"`
	Input struct {
		Bytes int64 `json:"Bytes Read"`
	} `json:"Input Metrics"`
	Output struct {
		Bytes int64 `json:"Bytes Written"`
	} `json:"Output Metrics"`
}

type sparkStage struct {
	ID      int64  `json:"Stage ID"`
	Attempt int64  `json:"Stage Attempt ID"`
	Name    string `json:"Stage Name"`
	Tasks   int64  `json:"Number of Tasks"`
	RDDs    []struct {
		ID int64 `json:"RDD ID"`
	} `json:"RDD Info"`
	Parents   []int64 `json:"Parent IDs"`
	Submitted int64   `json:"Submission Time"`
	Completed int64   `json:"Completion Time"`
	Failure   string  `json:"Failure Reason"`
}

// decodeSpark decodes each line and counts the attempts.
func decodeSpark(r io.Reader) (int, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	attempts := map[int64]bool{}
	for lines.Scan() {
		var e sparkEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return 0, err
		}
		if e.Task != nil {
			attempts[e.Task.ID] = true
		}
	}
	return len(attempts), lines.Err()
}
