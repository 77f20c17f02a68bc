package table_test

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/table"
)

// jobs is a table with most columns, with rows out of order, a retry, a skipped task and one that never ran.
const jobs = `job_id,job,op,submitted_at,started_at,finished_at,worker,slot,depends_on,state,exit_code,cpu_s,max_rss_mb,team
1,fetch a,fetch,2026-11-30T06:00:00Z,2026-11-30T06:00:01Z,2026-11-30T06:00:03.5Z,w1,0,,succeeded,0,1.25,100,red
3,join,join,2026-11-30T06:00:09Z,2026-11-30T06:00:09Z,2026-11-30T06:00:10Z,w1,0,"1;2",succeeded,0,,,red
2,fetch b,fetch,2026-11-30T06:00:00Z,2026-11-30T06:00:05Z,2026-11-30T06:00:08Z,w2,0,,succeeded,0,,,blue
2,fetch b,fetch,2026-11-30T06:00:00Z,2026-11-30T06:00:01Z,2026-11-30T06:00:04Z,w2,0,,failed,137,,,blue
4,report,report,,,,,,3,skipped,,,,
5,clean,report,,,,,,"3, 99",pending,,,,
`

func at(t *testing.T, text string) records.Moment {
	m, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return records.At(m)
}

func task(t *testing.T, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task", id)
	return nil
}

func TestGuessed(t *testing.T) {
	for _, c := range []struct{ name, format, content string }{
		{"CSV", "CSV", jobs},
		{"semicolons", "CSV with semicolons", strings.ReplaceAll(strings.ReplaceAll(jobs, "1;2", "1|2"), ",", ";")},
		{"TSV", "TSV", strings.ReplaceAll(strings.ReplaceAll(jobs, "3, 99", "3; 99"), ",", "\t")},
		{"NDJSON", "NDJSON", ndjson(t, jobs)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := droptest.One(t, table.New(), "out/jobs.csv", []byte(c.content))
			require.Equal(t, c.format, r.Format)
			require.Equal(t, "jobs", r.Workflow)
			require.False(t, r.Undated)
			require.Empty(t, r.Incomplete)
			require.Len(t, r.Tasks, 5)
			a := task(t, r, "1")
			require.Equal(t, "fetch", a.Function)
			require.Equal(t, "fetch a", a.Name)
			require.Len(t, a.Attempts, 1)
			require.Equal(t, at(t, "2026-11-30T06:00:00Z"), a.Attempts[0].Ready)
			require.Equal(t, at(t, "2026-11-30T06:00:03.5Z"), a.Attempts[0].Ended)
			require.Equal(t, 1250*time.Millisecond, a.Attempts[0].Usage.CPU)
			require.Equal(t, int64(100e6), a.Attempts[0].Usage.MemoryBytes)
			require.Equal(t, "w1", r.Workers[a.Attempts[0].Worker].Name)
			require.Equal(t, int32(0), a.Attempts[0].Lane)
			require.Contains(t, a.Attempts[0].Log, "team red")
			b := task(t, r, "2")
			require.Len(t, b.Attempts, 2)
			require.Equal(t, record.OutcomeFailed, b.Attempts[0].Outcome)
			require.Equal(t, 137, b.Attempts[0].Error.ExitCode)
			require.Equal(t, record.OutcomeOK, b.Attempts[1].Outcome)
			require.Len(t, task(t, r, "3").Parents, 2)
			require.True(t, task(t, r, "4").Skipped)
			require.Empty(t, task(t, r, "4").Attempts)
			require.False(t, task(t, r, "5").Skipped)
			require.Empty(t, task(t, r, "5").Attempts)
			require.Contains(t, r.Notes, record.Note{Kind: record.NoteLeftOut, Text: "dependencies name tasks that are not in the file", Count: 1})
			recordstest.Laws(t, r)
		})
	}
}

// ndjson writes a table as objects without the cells that are empty.
func ndjson(t *testing.T, content string) string {
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	require.NoError(t, err)
	var b strings.Builder
	for _, row := range rows[1:] {
		var parts []string
		for i, cell := range row {
			value := strconv.Quote(cell)
			if _, err := strconv.ParseFloat(cell, 64); err == nil {
				value = cell
			}
			if rows[0][i] == "depends_on" && cell != "" {
				value = `["` + strings.NewReplacer(";", `","`, ", ", `","`).Replace(cell) + `"]`
			}
			if cell != "" {
				parts = append(parts, fmt.Sprintf("%q: %s", rows[0][i], value))
			}
		}
		b.WriteString("{" + strings.Join(parts, ", ") + "}\n")
	}
	return b.String()
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		name, content string
		mapping       string
		undated       bool
		started       int64 // ns
		took          time.Duration
		note          string
	}{
		{"milliseconds by size", "start,end\n1796021058575,1796021059575\n", "", false, 1796021058575e6, time.Second, "as ms since 1970"},
		{"seconds by size", "start,end\n1796021058.575,1796021058.671\n", "", false, 1796021058575e6, 96 * time.Millisecond, "as s since 1970"},
		{"microseconds by size", "start,end\n1796020966415171,1796020966747882\n", "", false, 1796020966415171e3, 332711 * time.Microsecond, "as us since 1970"},
		{"nanoseconds by name", "start_ns,end_ns\n1796020966415171123,1796020966415171124\n", "", false, 1796020966415171123, 1, ""},
		{"nanoseconds as spans have them", "StartTimeUnixNano,DurationNano\n1738350833274804000,1000124000\n", "", false, 1738350833274804000, 1000124000, ""},
		{"offsets by name", "startMs,endMs\n5,17.5\n", "", true, 5e6, 12500 * time.Microsecond, ""},
		{"offsets without a unit", "start,end\n1.5,2\n", "", true, 15e8, 500 * time.Millisecond, "seconds since an unknown moment"},
		{"duration as the start is", "start,dur\n1796021058575,250\n", "", false, 1796021058575e6, 250 * time.Millisecond, "read in the unit ms, as the start is"},
		{"duration that fits", "begin,end,elapsed\n1796021058,1796021060,2000\n", "", false, 1796021058e9, 2 * time.Second, "unit ms, which fits the moments"},
		{"duration as text", "start,duration\n2026-11-30 06:00:00,1h 2m 3.5s\n", "", false, 1795932000e9 + 86400e9, 3723500 * time.Millisecond, "without a zone were read as UTC"},
		{"duration as a clock", "start,duration\n2026-12-01 06:00:00+00,1-02:03:04.5\n", "", false, 1796104800e9, 93784500 * time.Millisecond, ""},
		{"mapped", "a,b,c\n100,250,x\n", "start=a:ms,end=b:ms", true, 100e6, 150 * time.Millisecond, "given by a mapping: start is a, end is b"},
		{"duration with days", "start,duration\n2026-12-01T06:00:00Z,1 day 00:00:01\n", "", false, 1796104800e9, 24*time.Hour + time.Second, ""},
		{"duration of Python", "start,duration\n2026-12-01T06:00:00Z,0 days 00:00:03.500000\n", "", false, 1796104800e9, 3500 * time.Millisecond, ""},
		{"duration of ISO 8601", "start,duration\n2026-12-01T06:00:00Z,PT1M2.5S\n", "", false, 1796104800e9, 62500 * time.Millisecond, ""},
		{"a comma before milliseconds", "start;end\n2026-12-01 06:00:00,250;2026-12-01 06:00:01,250\n", "", false, 1796104800250e6, time.Second, ""},
		{"mapped day first", "a,b\n03/04/2026 10:00:00,03/04/2026 10:00:05\n", "start=a:dmy,end=b:dmy", false, 1775210400e9, 5 * time.Second, ""},
		{"day first by another row", "start,end\n03/04/2026 10:00:00,03/04/2026 10:00:05\n13/04/2026 10:00:00,13/04/2026 10:00:05\n", "", false, 1775210400e9, 5 * time.Second, "read as dmy"},
		{"another zone", "start,end\n2026-11-30T07:00:00+01:00,2026-11-30T06:00:01Z\n", "", false, 1796018400e9, time.Second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := table.Parse(c.mapping)
			require.NoError(t, err)
			format := table.New()
			if c.mapping != "" {
				format = table.NewMapped(m)
			}
			r := droptest.One(t, format, "t.csv", []byte(c.content))
			a := r.Tasks[0].Attempts[0]
			require.Equal(t, c.undated, r.Undated)
			require.Equal(t, time.Unix(0, c.started).UTC(), a.Started.Time())
			require.Equal(t, c.took, time.Duration(a.Ended-a.Started))
			require.Contains(t, fmt.Sprint(r.Notes), c.note)
			recordstest.Laws(t, r)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, content, mapping, want string }{
		{"day and month", "start,end\n03/04/2026 10:00:00,03/05/2026 10:00:05\n", "", "cannot be told apart"},
		{"wrong unit", "start_s,end_s\n1796021058575,1796021058579\n", "", "after the year 2262 in the unit s"},
		{"two origins", "start,end\n1796021058,5\n", "", "expected the same in both"},
		{"no rows", "start,end\n", "", "no rows after the header"},
		{"no moments", "a,b\n1,2\n", "name=a", "line 1: the columns a, b have no start"},
		{"no such column", "a,b\n1,2\n", "start=begin,end=b", `start is mapped to the column "begin", which does not exist, expected one of a, b (fields are start, end`},
		{"nothing readable", "start,end\nsoon,later\n", "", "no row has moments"},
		{"empty", "", "", "no header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := table.Parse(c.mapping)
			require.NoError(t, err)
			_, err = table.NewMapped(m).Read(t.Context(), []records.File{droptest.File("t.csv", records.Main, []byte(c.content))})
			require.ErrorIs(t, err, records.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestMapping(t *testing.T) {
	for _, text := range []string{"", "start=begin_ts:ms,end=end_ts,name=job,after=deps", `name="a,b:ms",duration="x y":h`, "status=,memory=rss:kib"} {
		m, err := table.Parse(text)
		require.NoError(t, err)
		again, err := table.Parse(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
	}
	m, err := table.Parse(" start = a:ms , end=b:c ")
	require.NoError(t, err)
	require.Equal(t, `start=a:ms,end="b:c"`, m.String())
	for text, want := range map[string]string{
		"begin=a":      `"begin" is no field, expected one of start, end`,
		"start":        `"start" has no =`,
		"start=a,":     "",
		"end=a,end=b":  "end is given twice",
		`name="a`:      "is no text in double quotes",
		`start="a":mb`: "expected a comma or a unit",
	} {
		_, err := table.Parse(text)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

// TestRepeated has one ID for retries, for tasks that succeeded twice, and for several runs.
func TestRepeated(t *testing.T) {
	r := droptest.One(t, table.New(), "t.csv", []byte("id,start,end,status,attempt,start\na,100,200,failed,2,1\na,50,60,failed,1,1\na,300,400,ok,3,1\na,500,600,ok,4,1\nb,7,8,odd,2,1\n"))
	recordstest.Laws(t, r)
	require.Len(t, r.Tasks, 3)
	require.Len(t, r.Tasks[0].Attempts, 3)
	require.Equal(t, "a (2)", r.Tasks[1].ID)
	notes := fmt.Sprint(r.Notes)
	require.Contains(t, notes, "are tasks of their own")
	require.Contains(t, notes, "occur more than once")
	require.Contains(t, notes, `the status "odd"`)
	require.Contains(t, notes, "tasks had attempts before the first one")

	runs := droptest.Read(t, table.New(), droptest.File("t.tsv", records.Main, []byte("run_id\tid\tstart\tend\nx\ta\t1\t2\ny\ta\t3\t4\n")))
	require.Len(t, runs, 2)
	require.Equal(t, map[string]string{"run": "x"}, runs[0].Params)
	require.Empty(t, runs[0].Key, "another table can have a run x")
	require.Contains(t, fmt.Sprint(runs[0].Notes), "the file has 2 runs")
	r = droptest.One(t, table.New(), "t.tsv", []byte("run_id\tid\tstart\tend\n2026-11-30T06:00:00\ta\t1\t2\n"))
	require.Equal(t, "t/2026-11-30T06:00:00", r.Key)
}

// TestCutOff cuts tables off: what lacks a part of its last row is incomplete, unless it is the last cell that does.
func TestCutOff(t *testing.T) {
	for name, content := range map[string]string{
		"t.csv": jobs, "t.tsv": strings.ReplaceAll(strings.ReplaceAll(jobs, "3, 99", "3; 99"), ",", "\t"), "t.ndjson": ndjson(t, jobs),
	} {
		for n := range len(content) {
			cut := content[:n]
			runs, err := table.New().Read(t.Context(), []records.File{droptest.File(name, records.Main, []byte(cut))})
			if err != nil {
				require.ErrorIs(t, err, records.ErrFormat, "%s cut at %d", name, n)
				continue
			}
			droptest.Check(t, runs[0])
			whole := strings.HasSuffix(cut, "\n") || strings.HasSuffix(cut, "}") || strings.Contains(fmt.Sprint(runs[0].Notes), "may be cut off")
			require.True(t, whole || runs[0].Incomplete != "", "%s cut at %d", name, n)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, content := range []string{"start of text, end of text\n", "start,end\nIntroduction,Summary\n", `{"start": 1, "end": 2, "more": {}}` + "\n", "", "{}"} {
		require.Equal(t, records.Foreign, table.New().Sniff("t.csv", []byte(content)), content)
	}
	droptest.Foreign(t, table.New())
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(jobs), "")
	f.Add([]byte("start\tend\n1\t2"), "start=end:ms")
	f.Add([]byte(`{"start": 1, "duration": "1h"}`), "")
	f.Fuzz(func(t *testing.T, content []byte, mapping string) {
		m, err := table.Parse(mapping)
		if err != nil {
			return
		}
		for _, format := range []records.Format{table.New(), table.NewMapped(m)} {
			format.Sniff("t.csv", content)
			droptest.Try(t, format, droptest.File("t.csv", records.Main, content))
		}
	})
}
