package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// module is the path of the module that this package belongs to.
const module = "github.com/dagscope/dagscope"

// versionCommand tells what the program was built from.
type versionCommand struct{}

// versionJSON is what is known of the build; version and revision are empty where nothing is.
type versionJSON struct {
	Program  string `json:"program"`
	Version  string `json:"version"` // of dagscope, whatever program links it
	Revision string `json:"revision"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints it.
func (versionCommand) Run(s *session) error {
	v := versionJSON{Program: s.name, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.read(info)
	}
	if s.flags.JSON {
		return s.printJSON(v)
	}
	build := "dagscope " + v.Version
	if v.Revision != "" {
		build += ", revision " + v.Revision
	}
	if v.Modified {
		build += " with changes"
	}
	_, err := fmt.Fprintf(s.stdout, "%s: %s, %s, %s\n", s.name, build, v.Go, v.Platform)
	return err
}

// read takes what concerns this module out of the build's own description. The revision is that of the main module,
// so it is only told where that is ours.
func (v *versionJSON) read(info *debug.BuildInfo) {
	for _, d := range info.Deps {
		if d.Path == module {
			v.Version = d.Version
		}
	}
	if info.Main.Path != module {
		return
	}
	v.Version = info.Main.Version
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
}
