package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/web/api"
)

func TestSchedules(t *testing.T) {
	w := newWorld(t)
	run := w.run("spread", map[string]string{"n": "5"})
	var list api.ScheduleList
	w.get(at(run, "/schedules"), &list)
	numbers := api.ScheduleSummary{Task: "numbers", Tasks: 3, FanOuts: 1, Edges: 5, Became: 2, Invoked: 1, FanIns: 1}
	assert.Equal(t, api.ScheduleList{Schedules: []api.ScheduleSummary{numbers}, Total: 1}, list)

	var s api.Schedule
	w.get(at(run, "/schedules/0"), &s)
	edge := func(scope int32, node uint32, mark string) api.ScheduleEdge {
		return api.ScheduleEdge{Scope: scope, Node: node, Mark: mark}
	}
	assert.Equal(t, api.Schedule{ScheduleSummary: numbers, Nodes: []api.ScheduleNode{
		{Kind: "task", Task: "numbers", Function: "numbers", Mark: "root", Edges: []api.ScheduleEdge{edge(0, 2, "become")}},
		{Node: 2, Kind: "fanout", Region: 1, Mark: "become", Edges: []api.ScheduleEdge{edge(1, 0, "invoke"), edge(0, 3, "fan-in")}},
		{Scope: 1, Kind: "task", Function: "double", Mark: "invoke", Edges: []api.ScheduleEdge{edge(0, 3, "fan-in")}},
		{Node: 3, Kind: "join", Mark: "fan-in", Edges: []api.ScheduleEdge{edge(0, 1, "become")}},
		{Node: 1, Kind: "task", Task: "total", Function: "total", Mark: "become", Edges: []api.ScheduleEdge{}},
	}}, s)
}

// TestScheduleList: roots and nodes come in pages, by cursors that are good for their own query alone.
func TestScheduleList(t *testing.T) {
	w := newWorld(t)
	run := w.run("many", nil)
	var all api.ScheduleList
	w.get(at(run, "/schedules?limit=1000"), &all)
	require.Equal(t, 150, all.Total)
	require.Len(t, all.Schedules, 150)
	assert.Empty(t, all.Next)
	for i, s := range all.Schedules {
		require.Equal(t, api.ScheduleSummary{Root: s.Root, Task: fmt.Sprintf("one[%d]", i), Tasks: 3, Edges: 2, Became: 1, FanIns: 1}, s)
	}
	var pages []api.ScheduleSummary
	cursor := ""
	for {
		var page api.ScheduleList
		w.get(at(run, "/schedules?limit=70&cursor="+cursor), &page)
		pages = append(pages, page.Schedules...)
		assert.Equal(t, 150, page.Total)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	assert.Equal(t, all.Schedules, pages)

	var s, first, second, third api.Schedule
	root := at(run, fmt.Sprintf("/schedules/%d", all.Schedules[7].Root))
	w.get(root, &s)
	require.Len(t, s.Nodes, 3)
	w.get(root+"?limit=1", &first)
	w.get(root+"?limit=1&cursor="+first.Next, &second)
	w.get(root+"?limit=1&cursor="+second.Next, &third)
	assert.Empty(t, third.Next)
	assert.Equal(t, s.Nodes, append(append(first.Nodes, second.Nodes...), third.Nodes...))

	tag := w.request(http.MethodGet, root, nil).Header().Get("ETag")
	assert.Equal(t, http.StatusNotModified, w.request(http.MethodGet, root, nil, "If-None-Match", tag).Code)
	assert.Equal(t, http.StatusOK, w.request(http.MethodGet, root+"?limit=2", nil, "If-None-Match", tag).Code)
	for path, status := range map[string]int{
		"/schedules/150":                      http.StatusNotFound, // a task that waits
		"/schedules/4000000000":               http.StatusNotFound,
		"/schedules?cursor=x":                 http.StatusBadRequest,
		"/schedules?cursor=" + first.Next:     http.StatusBadRequest,
		"/schedules/0?cursor=" + first.Next:   http.StatusBadRequest,
		"/schedules/0?limit=10001":            http.StatusBadRequest,
		"/schedules?limit=0":                  http.StatusBadRequest,
		"/schedules/nothing":                  http.StatusBadRequest,
		"/schedules?cursor=" + "eyJhdCI6LTF9": http.StatusBadRequest,
	} {
		w.refused(http.MethodGet, at(run, path), nil, status)
	}
}
