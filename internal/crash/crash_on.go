//go:build crashpoints && unix

package crash

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// The point to die at, where its mark goes, and how many passes there are to go.
var (
	at   = os.Getenv(EnvAt)
	mark = os.Getenv(EnvMark)
	left = passes()
)

func passes() *atomic.Int64 {
	var n atomic.Int64
	after, err := strconv.ParseInt(os.Getenv(EnvAfter), 10, 64)
	if err != nil || after < 1 {
		after = 1
	}
	n.Store(after)
	return &n
}

// Point kills the process if name is the point to die at and this is the pass.
// The other points cost a comparison, so their timing is what it always is.
func Point(name string) {
	if name != at || left.Add(-1) != 0 {
		return
	}
	// Other goroutines go on meanwhile, as they do when a kill comes from
	// elsewhere: this one alone stands still at the point.
	if mark != "" {
		_ = os.WriteFile(mark, []byte(name), 0o600)
	}
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // The signal may need a moment; nothing beyond the point may happen here.
}
