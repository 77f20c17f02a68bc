package wfformat

import (
	"errors"
	"fmt"
	"math"

	"github.com/dagscope/dagscope/engine/codec"
)

// fileList reads the files of a 1.5 specification.
func (p *parser) fileList() error {
	p.listed = true
	return p.array(func(int) error {
		var id string
		size := float64(unset)
		if err := p.object(fields{"id": p.text(&id), "sizeInBytes": p.number(&size, exact)}); err != nil {
			return called(id, err)
		}
		if id == "" {
			return in("id", errors.New("is missing, expected a string"))
		}
		if _, known := p.files[id]; known {
			return in("id", fmt.Errorf("%q is given twice, expected one file of an id", short(id)))
		}
		return p.addFile(id, size)
	})
}

func (p *parser) addFile(id string, size float64) error {
	if len(p.inst.Files) == MaxFiles {
		return tooMany("more than %d files", MaxFiles)
	}
	bytes := codec.UnknownSize
	if size >= 0 {
		bytes = int64(math.Ceil(size))
	}
	p.files[id] = int32(len(p.inst.Files))
	p.inst.Files = append(p.inst.Files, File{ID: id, Bytes: bytes})
	return nil
}

// ownFiles reads the files of a 1.4 task, which describes each file wherever it is used. If descriptions differ, the
// largest size counts.
func (p *parser) ownFiles(t *rawTask) error {
	return p.array(func(int) error {
		var name, folder, link string
		size, older := float64(unset), float64(unset)
		err := p.object(fields{
			"name": p.text(&name), "path": p.text(&folder), "link": p.text(&link),
			"sizeInBytes": p.number(&size, exact), "size": p.number(&older, exact),
		})
		if err != nil {
			return err
		}
		id := folder + name
		if id == "" {
			return in("name", errors.New("is missing, expected a string"))
		}
		switch link {
		case "input":
			t.inputs = append(t.inputs, id)
		case "output":
			t.outputs = append(t.outputs, id)
		default:
			return in("link", fmt.Errorf("is %q, expected input or output", short(link)))
		}
		if p.fileRefs--; p.fileRefs < 0 {
			return tooMany("too many references to files")
		}
		size = max(size, older)
		if i, known := p.files[id]; known {
			p.inst.Files[i].Bytes = max(p.inst.Files[i].Bytes, int64(math.Ceil(size)))
			return nil
		}
		return p.addFile(id, size)
	})
}

// machineList reads the machines. If a machine is described again, the larger number of cores counts.
func (p *parser) machineList() error {
	return p.array(func(int) error {
		var name string
		cores, older := float64(unset), float64(unset)
		err := p.object(fields{
			"nodeName": p.text(&name),
			"cpu": func() error {
				return p.object(fields{"coreCount": p.number(&cores, MaxCores), "count": p.number(&older, MaxCores)})
			},
		})
		if err != nil {
			return called(name, err)
		}
		if name == "" {
			return in("nodeName", errors.New("is missing, expected a string"))
		}
		_, err = p.machine(name, int(math.Ceil(max(cores, older, 0))))
		return err
	})
}

// machine returns the number of a machine, and adds it if it is new.
func (p *parser) machine(name string, cores int) (int32, error) {
	if i, known := p.machines[name]; known {
		m := &p.inst.Machines[i]
		m.Cores = max(m.Cores, cores)
		return i, nil
	}
	if len(p.inst.Machines) == MaxMachines {
		return 0, tooMany("more than %d machines", MaxMachines)
	}
	i := int32(len(p.inst.Machines))
	p.machines[name] = i
	p.inst.Machines = append(p.inst.Machines, Machine{Name: name, Cores: cores})
	return i, nil
}
