package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// module is the path of the module that this package belongs to.
const module = "github.com/dagscope/dagscope"

// versionCommand prints what the program was built from.
type versionCommand struct{}

// versionJSON describes the build; version and revision are empty if unknown.
type versionJSON struct {
	Program  string `json:"program"`
	Version  string `json:"version"` // of dagscope, whatever program links it
	Revision string `json:"revision"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run prints the description of the build.
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

// read extracts version and revision of this module. The build information has only the revision of the main module, so
// the revision is known only if that is ours.
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

// programVersion is the version or revision of this program, empty if unknown.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var v versionJSON
	v.read(info)
	if v.Version == "" || v.Version == "(devel)" {
		return v.Revision[:min(len(v.Revision), 12)]
	}
	return v.Version
}
