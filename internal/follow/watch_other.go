//go:build !linux

package follow

// watch tells nothing on this system: looks have to do.
type watch struct{}

func newWatch() *watch { return nil }

func (*watch) add(string) error      { return nil }
func (*watch) drain() []event        { return nil }
func (*watch) wake() <-chan struct{} { return nil }
func (*watch) close()                {}
