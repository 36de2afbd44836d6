package admin

import (
	"runtime"
	"runtime/debug"
)

const module = "github.com/fapilog/fapilog"

// build is what the program was built with.
type build struct {
	version   string // of this module; "(devel)": not recorded
	goVersion string
}

func readBuild() build {
	info, _ := debug.ReadBuildInfo()
	return build{moduleVersion(info), runtime.Version()}
}

func moduleVersion(info *debug.BuildInfo) string {
	if info != nil {
		for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
			if m.Path == module && m.Version != "" {
				return m.Version
			}
		}
	}
	return "(devel)"
}
