package export

import (
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/codec"
)

// wfFile is a file that stands for bytes that were passed on. Its name is made up: runs keep sizes, not files.
type wfFile struct {
	ID    string `json:"id"`
	Bytes int64  `json:"sizeInBytes"`
}

// addFile adds a file that a task writes; outside: that none does.
func (r *wfRun) addFile(writer int32, id string, bytes int64) int32 {
	n := int32(len(r.files))
	r.files = append(r.files, wfFile{id, bytes})
	if writer != outside {
		r.tasks[writer].writes = append(r.tasks[writer].writes, n)
	}
	return n
}

// edgeBytes is what one child read of a task.
type edgeBytes struct {
	child int32
	bytes int64
}

// passFiles makes up files so that what each task read of each other, wrote, and left as results adds up as kept.
func (r *wfRun) passFiles() {
	read := make([][]edgeBytes, len(r.tasks))
	isRecorded := r.kept.Info.Imported() != nil
	for i := range r.tasks {
		t := &r.tasks[i]
		for _, in := range t.inputs {
			if in.from == outside {
				t.reads = append(t.reads, r.addFile(outside, t.id+"/in", in.bytes))
			} else {
				read[in.from] = append(read[in.from], edgeBytes{int32(i), in.bytes})
			}
		}
		if !isRecorded && t.output > 0 { // tasks of the engine pass on their whole output
			for _, c := range t.children {
				read[i] = append(read[i], edgeBytes{c, t.output})
			}
		}
	}
	for i := range r.tasks {
		t := &r.tasks[i]
		results := codec.UnknownSize
		switch {
		case t.usage != nil && isRecorded:
			results = t.usage.ResultBytes
		case !isRecorded && len(t.children) == 0:
			results = t.output
		case !isRecorded:
			results = 0
		}
		r.share(int32(i), read[i], results)
		if results > 0 {
			r.addFile(int32(i), t.id+"/result", results)
		}
	}
}

// share makes up the files that others read of a task. Where the sizes allow it, the files together are what the task
// wrote: each child reads a stretch of that, where the last ended, from the beginning again at the end.
func (r *wfRun) share(task int32, read []edgeBytes, results int64) {
	t := &r.tasks[task]
	whole := t.output - max(results, 0)
	most, sum := int64(0), int64(0)
	for _, e := range read {
		most, sum = max(most, e.bytes), sum+min(e.bytes, 1<<53-sum)
	}
	if len(read) == 0 {
		return
	}
	if t.output < 0 || results < 0 || most > whole || whole > sum || len(read) > maxShared && most < whole {
		for _, e := range read {
			c := &r.tasks[e.child]
			c.reads = append(c.reads, r.addFile(task, t.id+"/for/"+c.id, e.bytes))
		}
		return
	}
	cuts, at := []int64{0, whole}, int64(0)
	for _, e := range read {
		at = (at + e.bytes) % whole
		cuts = append(cuts, at)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	first := int32(len(r.files))
	for i := range cuts[1:] {
		r.addFile(task, t.id+"/out/"+strconv.Itoa(i), cuts[i+1]-cuts[i])
	}
	at = 0
	for _, e := range read {
		k, _ := slices.BinarySearch(cuts, at)
		for rest := e.bytes; rest > 0; k = (k + 1) % (len(cuts) - 1) {
			r.tasks[e.child].reads = append(r.tasks[e.child].reads, first+int32(k))
			rest -= cuts[k+1] - cuts[k]
		}
		at = (at + e.bytes) % whole
	}
}

// maxShared is among how many readers the files of a task are divided; with more that read different parts, each reads
// a file of its own, since the parts would be as many as its square.
const maxShared = 64
