package cli

import (
	"fmt"
	"runtime/debug"
)

const module = "github.com/fapilog/fapilog"

// version prints the version of the module as the program was built with it.
func version(std streams, args []string) int {
	fs := newFlags("version")
	if asked, err := fs.parse(args); err != nil {
		return usageError(std.err, "fapilog version: %v", err)
	} else if asked {
		fmt.Fprint(std.out, help)
		return exitOK
	}
	info, _ := debug.ReadBuildInfo()
	fmt.Fprintln(std.out, "fapilog", moduleVersion(info))
	return exitOK
}

// moduleVersion returns "(devel)" where the build has not recorded a version:
// one from a working copy without version control.
func moduleVersion(info *debug.BuildInfo) string {
	const unknown = "(devel)"
	if info == nil {
		return unknown
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version != "" {
			return m.Version
		}
	}
	return unknown
}
