package console

import (
	"os"
	"sync"

	"github.com/fapilog/fapilog/sink/internal/lines"
)

// stream is a place that several sinks may write to: 2>&1 makes standard output and
// standard error one.
type stream struct {
	*lines.Stream
	key   any
	users int // guarded by streams
}

// streams has the streams of this process's sinks.
var streams = struct {
	sync.Mutex
	byKey map[any]*stream
}{byKey: map[any]*stream{}}

// acquireStream returns the stream that info, or failing that file, is of.
func acquireStream(info os.FileInfo, file *os.File) *stream {
	key, ok := identity(info)
	if !ok {
		key = file
	}
	streams.Lock()
	defer streams.Unlock()
	s := streams.byKey[key]
	if s == nil {
		s = &stream{Stream: lines.NewStream(), key: key}
		streams.byKey[key] = s
	}
	s.users++
	return s
}

func (s *stream) release() {
	streams.Lock()
	defer streams.Unlock()
	if s.users--; s.users == 0 {
		delete(streams.byKey, s.key)
	}
}
