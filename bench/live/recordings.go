package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// specified, executed and machine are what WfFormat says of a task before it is executed, of its execution, and of where
// it is executed.
type (
	specified struct {
		Name     string   `json:"name"`
		ID       string   `json:"id"`
		Parents  []string `json:"parents"`
		Children []string `json:"children"`
	}
	executed struct {
		ID       string   `json:"id"`
		Seconds  float64  `json:"runtimeInSeconds"`
		Machines []string `json:"machines,omitempty"`
	}
	machine struct {
		Name string `json:"nodeName"`
		CPU  cores  `json:"cpu"`
	}
	cores struct {
		Count int `json:"coreCount"`
	}
)

// made is a recording to be imported.
type made struct {
	tasks     []specified
	execution []executed
	machines  []machine
}

// recordings are made by name.
var recordings = map[string]func() made{"inputs": manyInputs, "chain": longChain, "workers": manyWorkers}

// manyInputs is one task that reads what many made.
func manyInputs() made {
	m := made{machines: []machine{{"m", cores{64}}}}
	last := specified{Name: "gather", ID: "gather", Parents: []string{}, Children: []string{}}
	for i := range inputs {
		id := fmt.Sprintf("part_%05d", i)
		m.add(specified{Name: "part", ID: id, Parents: []string{}, Children: []string{last.ID}})
		last.Parents = append(last.Parents, id)
	}
	m.add(last)
	return m
}

// longChain is many tasks one after the other.
func longChain() made {
	m := made{machines: []machine{{"m", cores{4}}}}
	id := func(i int) []string {
		if i < 0 || i >= chained {
			return []string{}
		}
		return []string{fmt.Sprintf("step_%05d", i)}
	}
	for i := range chained {
		m.add(specified{Name: "step", ID: id(i)[0], Parents: id(i - 1), Children: id(i + 1)})
	}
	return m
}

// manyWorkers is two tasks on each of very many machines.
func manyWorkers() made {
	var m made
	for i := range machines {
		m.machines = append(m.machines, machine{fmt.Sprintf("m%05d", i), cores{1}})
	}
	for i := range 2 * machines {
		id := fmt.Sprintf("work_%05d", i)
		m.add(specified{Name: "work", ID: id, Parents: []string{}, Children: []string{}}, m.machines[i%machines].Name)
	}
	return m
}

// add adds a task of a second.
func (m *made) add(task specified, on ...string) {
	m.tasks = append(m.tasks, task)
	m.execution = append(m.execution, executed{task.ID, 1, on})
}

func (m made) write(file, name string) error {
	raw, err := json.Marshal(map[string]any{
		"name": name, "schemaVersion": "1.5", "createdAt": "2024-01-01T00:00:00Z",
		"workflow": map[string]any{
			"specification": map[string]any{"tasks": m.tasks, "files": []any{}},
			"execution": map[string]any{
				"makespanInSeconds": 100, "executedAt": "2024-01-01T00:00:00Z",
				"tasks": m.execution, "machines": m.machines,
			},
		},
	})
	return errors.Join(err, os.WriteFile(file, raw, 0o600))
}
