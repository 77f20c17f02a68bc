package slurm

import (
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// dependencyOf finds the dependencies in a line that submits a job.
func dependencyOf(line string) string {
	words := strings.Fields(line)
	for i, w := range words {
		for _, option := range []string{"--dependency", "-d"} {
			value, ok := strings.CutPrefix(w, option)
			switch {
			case !ok:
				continue
			case value == "" && i+1 < len(words):
				return strings.Trim(words[i+1], `"'`)
			case strings.HasPrefix(value, "="), option == "-d" && strings.HasPrefix(value, "after"):
				return strings.Trim(strings.TrimPrefix(value, "="), `"'`)
			}
		}
	}
	return ""
}

// edges reads dependencies such as afterok:12:13,afterany:14. Those of kind after wait for the start of a job, and
// singleton and expand name none: they are no edges.
func (b *builder) edges(depends []string, places map[string][]int32) {
	edges, missing, other, many := 0, 0, 0, 0
	for i, text := range depends {
		task := &b.run.Tasks[i]
		seen := map[int32]bool{int32(i): true}
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '?' || r == ' ' }) {
			kind, names, _ := strings.Cut(part, ":")
			switch kind {
			case "afterok", "afterany", "afternotok", "aftercorr":
			default:
				other++
				continue
			}
			for name := range strings.SplitSeq(names, ":") {
				name, _, _ = strings.Cut(name, "+") // minutes to wait after it
				name, _, _ = strings.Cut(name, "(") // its state, as squeue shows it
				name = strings.TrimSuffix(name, "_*")
				parents := places[name]
				if kind == "aftercorr" {
					if _, index, ok := strings.Cut(task.ID, "_"); ok && len(places[name+"_"+index]) > 0 {
						parents = places[name+"_"+index]
					}
				}
				if len(parents) == 0 {
					missing++
				}
				for _, p := range parents {
					switch {
					case seen[p]:
					case edges == records.MaxEdges:
						many++
					default:
						seen[p] = true
						task.Parents = append(task.Parents, p)
						edges++
					}
				}
			}
		}
	}
	b.run.Notes.Recorded(edges, "dependencies are recorded")
	b.run.Notes.LeftOut(missing, "dependencies are on jobs that are not in the file")
	b.run.Notes.LeftOut(other, "dependencies are not on the end of certain jobs")
	b.run.Notes.LeftOut(many, "dependencies exceed what a run can have")
}
