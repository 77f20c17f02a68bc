package process

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// groups is where the cgroups of commands are made, nil where this process may not make any. It is a property of the
// process, as the cgroup is that it lies in.
var groups = sync.OnceValue(func() *groupFolder {
	f, err := findGroups()
	if err != nil {
		return nil
	}
	return f
})

// groupsPath returns the cgroup above those of commands, "" for none.
func groupsPath() string {
	if f := groups(); f != nil {
		return f.path
	}
	return ""
}

// groupFolder is a cgroup (version 2) of this process, with one below it for each command.
type groupFolder struct {
	path   string
	lock   *os.File // held while this process lives
	memory bool     // whether memory can be limited

	mu   sync.Mutex
	last int       // how many cgroups have been made
	idle []*cgroup // which are empty, and ready for another command
}

// groupPrefix begins the name of each groupFolder.
const groupPrefix = "dagscope-"

// findGroups makes the folder in the cgroup of this process, or next to it if that was handed over for this purpose.
func findGroups() (*groupFolder, error) {
	mounts, err := readFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	self, err := readFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	own, err := ownCgroup(string(mounts), string(self))
	if err != nil {
		return nil, err
	}
	parent, memory := own, enableMemory(own)
	if next := filepath.Dir(own); !memory && delegated(next) && enableMemory(next) {
		parent, memory = next, true
	}
	removeOldGroups(parent)
	f := &groupFolder{path: filepath.Join(parent, fmt.Sprintf("%s%d-%x", groupPrefix, os.Getpid(), rand.Uint32())), memory: memory}
	if err := os.Mkdir(f.path, 0o755); err != nil {
		return nil, err
	}
	if f.lock, err = lockFolder(f.path); err == nil && memory {
		err = os.WriteFile(f.path+"/cgroup.subtree_control", []byte("+memory"), 0)
	}
	if err != nil {
		_ = os.Remove(f.path)
		return nil, err
	}
	return f, nil
}

// ownCgroup returns the folder of the cgroup of this process, from its /proc/self/mountinfo and /proc/self/cgroup.
func ownCgroup(mounts, self string) (string, error) {
	var path string
	for line := range strings.Lines(self) {
		if rest, ok := strings.CutPrefix(line, "0::"); ok {
			path = strings.TrimSuffix(rest, "\n")
		}
	}
	for line := range strings.Lines(mounts) {
		mount, kind, _ := strings.Cut(line, " - ") // see proc(5)
		fields := strings.Fields(mount)
		if path == "" || len(fields) < 5 || !strings.HasPrefix(kind, "cgroup2 ") {
			continue
		}
		below, err := filepath.Rel(fields[3], path)
		if err != nil || below == ".." || strings.HasPrefix(below, "../") {
			continue // another part of the tree is mounted
		}
		return filepath.Join(fields[4], below), nil
	}
	return "", errors.New("this process has no cgroup of version 2")
}

// enableMemory is whether memory can be limited in the cgroups below one. It can only be enabled where no process is, so
// this process moves out of the way if it is the only one.
func enableMemory(parent string) bool {
	if hasController(parent+"/cgroup.subtree_control", "memory") {
		return true
	}
	if !hasController(parent+"/cgroup.controllers", "memory") {
		return false
	}
	enable := func() bool { return os.WriteFile(parent+"/cgroup.subtree_control", []byte("+memory"), 0) == nil }
	if enable() {
		return true
	}
	processes, err := readFile(parent + "/cgroup.procs")
	if own := strconv.Itoa(os.Getpid()); err != nil || string(bytes.TrimSpace(processes)) != own || !delegated(parent) {
		return false
	}
	leaf := parent + "/dagscope"
	if err := os.Mkdir(leaf, 0o755); err != nil && !os.IsExist(err) {
		return false
	}
	return os.WriteFile(leaf+"/cgroup.procs", []byte("0"), 0) == nil && enable()
}

func hasController(file, name string) bool {
	text, err := readFile(file)
	return err == nil && strings.Contains(" "+strings.TrimSpace(string(text))+" ", " "+name+" ")
}

// delegated is whether a cgroup belongs to those who run in it, as systemd marks them, or as the one of a container does.
// The superuser can write to others too, but must not.
func delegated(path string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		var value [1]byte
		if n, err := syscall.Getxattr(path, name, value[:]); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	_, err := os.Stat(path + "/../cgroup.controllers")
	_, own := os.Stat(path + "/cgroup.controllers")
	return own == nil && err != nil // the root of what this process sees
}

// lockFolder takes the lock of a folder, which the kernel releases when this process ends.
func lockFolder(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removeOldGroups kills what processes that were killed have left, and removes their groups.
func removeOldGroups(parent string) {
	folders, _ := filepath.Glob(parent + "/" + groupPrefix + "*")
	for _, path := range folders {
		lock, err := lockFolder(path)
		if err != nil {
			continue
		}
		(&cgroup{path: path}).remove()
		_ = lock.Close()
	}
}

// cgroup is the one of a command; nil is none.
type cgroup struct {
	path         string
	folder       int           // its descriptor, to start the command in it
	events, stat int           // descriptors of cgroup.events and cpu.stat, which are read for each command
	memory       bool          // whether it counts memory
	user, system time.Duration // of earlier commands
}

// newGroup returns a cgroup, in which the memory is limited if possible.
func (f *groupFolder) newGroup(limit int64) (*cgroup, error) {
	f.mu.Lock()
	if last := len(f.idle) - 1; last >= 0 {
		g := f.idle[last]
		f.idle = f.idle[:last]
		f.mu.Unlock()
		return g, nil
	}
	f.last++
	g := &cgroup{path: f.path + "/" + strconv.Itoa(f.last), memory: f.memory}
	f.mu.Unlock()
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, err
	}
	if err := g.open(); err != nil {
		g.close()
		return nil, err
	}
	if limit > 0 && f.memory {
		if err := g.limit(limit); err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

// open opens the descriptors; those that could not be opened are -1.
func (g *cgroup) open() error {
	open := func(path string, flags int) (int, error) {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|flags, 0)
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
		return fd, nil
	}
	var errs [3]error
	g.folder, errs[0] = open(g.path, syscall.O_DIRECTORY)
	g.events, errs[1] = open(g.path+"/cgroup.events", 0)
	g.stat, errs[2] = open(g.path+"/cpu.stat", 0)
	return errors.Join(errs[:]...)
}

// release keeps a group for another command, since making one takes a tenth of the time of a short command. It removes one
// that has a peak of memory of its own, and one that a process has not left.
func (f *groupFolder) release(g *cgroup) {
	if populated, known := numbersOf(g.events)["populated"]; g.memory || !known || populated != 0 {
		g.close()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, g)
}

// limit has the kernel kill all processes of the group when they use more.
func (g *cgroup) limit(bytes int64) error {
	_ = g.set("memory.swap.max", "0") // absent without swap; otherwise the limit would only move memory there
	if err := g.set("memory.oom.group", "1"); err != nil {
		return err
	}
	return g.set("memory.max", strconv.FormatInt(bytes, 10))
}

func (g *cgroup) set(file, value string) error {
	return os.WriteFile(g.path+"/"+file, []byte(value), 0)
}

// kill kills all processes of the group.
func (g *cgroup) kill() {
	if g.set("cgroup.kill", "1") == nil {
		return
	}
	processes, _ := readFile(g.path + "/cgroup.procs") // before Linux 5.14
	for field := range bytes.FieldsSeq(processes) {
		if pid, err := strconv.Atoi(string(field)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// close removes the group of a command.
func (g *cgroup) close() {
	for _, descriptor := range []int{g.folder, g.events, g.stat} {
		_ = syscall.Close(descriptor) // an error of one that was not opened
	}
	g.remove()
}

// remove kills what is left and removes the group, for which all have to have ended.
func (g *cgroup) remove() {
	for end := time.Now().Add(reapWait); syscall.Rmdir(g.path) == syscall.EBUSY && time.Now().Before(end); {
		g.kill()
		inner, _ := os.ReadDir(g.path)
		for _, e := range inner {
			if e.IsDir() { // made by one of the processes
				(&cgroup{path: g.path + "/" + e.Name()}).remove()
			}
		}
		time.Sleep(reapPause)
	}
}

// measure adds what the group used; outOfMemory is whether the kernel killed it for its limit.
func (g *cgroup) measure(u *Usage) (outOfMemory bool) {
	if g.memory && u.PeakMemory < 0 {
		if peak, err := readFile(g.path + "/memory.peak"); err == nil {
			u.PeakMemory, _ = strconv.ParseInt(string(bytes.TrimSpace(peak)), 10, 64)
		}
	}
	if micros := numbersOf(g.stat); micros["usage_usec"] > 0 {
		user := time.Duration(micros["user_usec"]) * time.Microsecond
		system := time.Duration(micros["system_usec"]) * time.Microsecond
		u.User, u.System = max(u.User, user-g.user), max(u.System, system-g.system)
		g.user, g.system = user, system
	}
	if !g.memory {
		return false
	}
	text, err := readFile(g.path + "/memory.events")
	return err == nil && numbers(text)["oom_kill"] > 0
}

// numbersOf reads an open file of a cgroup, nil if it cannot be read. Opening one takes longer than reading it.
func numbersOf(descriptor int) map[string]int64 {
	var text [2048]byte // more than such a file has
	n, err := syscall.Pread(descriptor, text[:], 0)
	if err != nil {
		return nil
	}
	return numbers(text[:n])
}

// numbers reads a text with a name and a number on each line.
func numbers(text []byte) map[string]int64 {
	values := map[string]int64{}
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			values[name] = n
		}
	}
	return values
}
