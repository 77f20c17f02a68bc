package chrometrace

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// bazel writes a profile for each command. All events within the processing of an action are one task. The lane of the
// critical path repeats actions, each after the one that it waited for.
var bazel = tool{system: "Bazel", prepare: prepareBazel, span: bazelSpan}

// Categories of Bazel's events.
const (
	bazelAction   = "action processing"
	bazelCritical = "critical path component"
	bazelInfo     = "general information"
)

func prepareBazel(b *builder) {
	b.run.Format = "Bazel profile"
	if version := strings.TrimPrefix(b.member("otherData", "bazel_version"), "release "); version != "" {
		b.run.Format += " " + version
	}
	b.run.Key = b.member("otherData", "build_id")
	b.run.Workflow = "bazel"
	if base := b.member("otherData", "output_base"); base != "" {
		b.run.Params["output_base"] = base
		base = base[strings.LastIndexAny(base, `/\`)+1:]
		b.run.Workflow = "bazel " + clip(base, 8) // what Bazel calls the workspace
	}
	b.dateBazel()
	actions, critical, merged := map[string][]int32{}, []int32(nil), 0
	for i := range b.spans {
		e := b.event(int32(i))
		switch {
		case b.cat(e) == bazelCritical:
			critical = append(critical, int32(i))
			b.drop[i] = true
		case b.cat(e) == bazelAction:
			actions[b.name(e)] = append(actions[b.name(e)], int32(i))
		case strings.HasPrefix(b.name(e), "merged ") && strings.HasSuffix(b.name(e), " events"):
			merged++
		}
	}
	b.foldActions()
	b.waitForEvaluators()
	b.followCriticalPath(critical, actions)
	if merged > 0 {
		b.run.Notes.Remark(record.NoteLeftOut,
			"the profile is a slim one: %d spans stand for several events each, so actions are missing", merged)
	}
}

// dateBazel finds out when time 0 was. What is called the finish in older profiles is the start too.
func (b *builder) dateBazel() {
	b.dated, b.base = false, 0
	date := b.member("otherData", "date")
	if at, err := time.Parse(time.RFC3339, date); err == nil {
		b.dated, b.base = true, at.UnixNano()
		return
	}
	for _, key := range []string{"profile_start_ts", "profile_finish_ts"} {
		ms, err := strconv.ParseInt(b.member("otherData", key), 10, 64)
		if err != nil || ms <= 0 {
			continue
		}
		if ms > 1e14 { // microseconds
			ms /= 1000
		}
		if at := time.UnixMilli(ms); at.UnixNano() > year2000 && at.UnixNano() < year2100 {
			b.dated, b.base = true, at.UnixNano()
			return
		}
	}
	at, err := time.Parse("Mon Jan _2 15:04:05 MST 2006", date)
	if err != nil {
		return
	}
	name, _ := at.Zone()
	hours, ok := zones[name]
	if !ok {
		b.run.Date = records.At(at)
		b.run.Notes.Remark(record.NoteInferred, "the date is read as UTC, because the time zone %q is ambiguous", name)
		return
	}
	b.dated, b.base = true, at.UnixNano()-int64(hours)*int64(time.Hour)
	b.run.Notes.Remark(record.NoteRecorded, "when the profile began is known to the second")
}

// zones are hours east of UTC for names of time zones that only one zone has.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9,
	"AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// foldActions makes one task of each action and all events within it.
func (b *builder) foldActions() {
	action := make([]int32, len(b.spans)) // that a span is in
	folded := 0
	for _, n := range b.order { // containers come first
		action[n] = none
		parent := b.spans[n].parent
		if parent != none {
			action[n] = action[parent]
		}
		e := b.event(n)
		if b.cat(e) == bazelAction {
			action[n] = n
			b.bodies[n] = body{start: open, end: unknown}
			continue
		}
		if action[n] == none {
			continue
		}
		b.drop[n] = true
		folded++
		b.addPart(action[n], n, parent == action[n])
	}
	for n, in := range b.bodies {
		s := &b.spans[n]
		if in.start > in.end {
			in.start, in.end = s.start, s.end
		}
		in.fetch = min(in.fetch, time.Duration(in.start-s.start))
		b.bodies[n] = in
	}
	b.run.Notes.Recorded(folded, "events within actions are lines in the logs of these")
}

// addPart adds what happened within an action to it.
func (b *builder) addPart(action, n int32, direct bool) {
	in := b.bodies[action]
	s, e := &b.spans[n], b.event(n)
	name, cat := b.name(e), b.cat(e)
	if s.end != open {
		runs := name == "subprocess.run" || cat == "waiting for response from worker" || strings.HasSuffix(cat, "process wall time")
		switch {
		case runs:
			in.start, in.end = min(in.start, s.start), max(in.end, s.end)
		case name == "sandbox.createFileSystem", name == "context.prefetchInputs", cat == "setting up inputs for worker",
			cat == "Remote execution setup", cat == "Remote execution upload time":
			in.fetch += time.Duration(s.end - s.start)
		}
		if len(in.log) < records.MaxText && (direct || runs || cat != bazelInfo) {
			in.log = strings.TrimPrefix(fmt.Sprintf("%s\n%s %s", in.log, name, time.Duration(s.end-s.start)), "\n")
		}
	}
	b.bodies[action] = in
}

// followCriticalPath makes edges of the critical path: each of its actions waited for the one before.
func (b *builder) followCriticalPath(path []int32, actions map[string][]int32) {
	last, found := none, 0
	for _, n := range path { // by start
		name := strings.TrimSuffix(strings.TrimPrefix(b.name(b.event(n)), "action '"), "'")
		action := nearest(b.spans, actions[name], b.spans[n].start)
		if action == none {
			continue
		}
		if last != none && last != action {
			b.links = append(b.links, link{last, action})
			found++
		}
		last = action
	}
	b.run.Notes.LeftOut(len(path), "events of the critical path repeat actions")
	b.run.Notes.Recorded(found, "edges are those of the critical path; other dependencies are not in a profile")
}

// nearest is the one of some spans, sorted by start, that starts closest to a moment, or none.
func nearest(all []span, some []int32, at int64) int32 {
	i := sort.Search(len(some), func(i int) bool { return all[some[i]].start >= at })
	if len(some) == 0 {
		return none
	}
	if i == len(some) || i > 0 && at-all[some[i-1]].start < all[some[i]].start-at {
		i--
	}
	return some[i]
}

func bazelSpan(b *builder, n int32, s *records.Span) {
	e := b.event(n)
	switch cat := b.cat(e); cat {
	case bazelAction:
		if s.Function = b.arg(e, "mnemonic"); s.Function == "" {
			s.Function = leadingWords(s.Name)
		}
	case bazelInfo, "":
		if strings.HasPrefix(s.Name, "merged ") {
			s.Function = "merged events"
		}
	default:
		s.Function = cat
	}
}

// leadingWords are the words of a progress message before what it is about: "Compiling Java headers" of "Compiling Java
// headers a/b.jar (2 source files)".
func leadingWords(message string) string {
	words := strings.Fields(message)
	for i, w := range words {
		if strings.ContainsAny(w, `/\:@.(){}`) {
			words = words[:i]
			break
		}
	}
	if n := len(words); n > 1 && (words[n-1] == "for" || words[n-1] == "of") {
		words = words[:n-1]
	}
	if len(words) == 0 {
		return message
	}
	return strings.Join(words, " ")
}
