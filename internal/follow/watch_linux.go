package follow

import (
	"bytes"
	"encoding/binary"
	"os"
	"sync"
	"syscall"
)

// watch tells what comes and goes in directories, by inotify(7). A nil watch tells
// nothing.
type watch struct {
	file  *os.File
	woken chan struct{} // there may be events; has room for one word of it
	done  chan struct{} // closed when the goroutine of newWatch has returned

	mu     sync.Mutex // held while events are read, which does not wait
	fd     int        // -1: closed
	dirs   map[int32][]string
	events []event // not drained yet
	buf    [64 << 10]byte
}

// newWatch returns a watch, or nil if the system has none to give.
func newWatch() *watch {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	w := &watch{
		file: os.NewFile(uintptr(fd), "inotify"), fd: fd,
		woken: make(chan struct{}, 1), done: make(chan struct{}), dirs: make(map[int32][]string),
	}
	go w.listen()
	return w
}

// listen reads events as they come until the file is closed.
func (w *watch) listen() {
	defer close(w.done)
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(uintptr) bool { // ends with close
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.fd < 0 {
			return true
		}
		if w.pull(); len(w.events) > 0 {
			select {
			case w.woken <- struct{}{}:
			default:
			}
		}
		return false
	})
}

// pull reads what events there are. It is called with w.mu held.
func (w *watch) pull() {
	for w.fd >= 0 {
		n, err := syscall.Read(w.fd, w.buf[:])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return
		}
		w.parse(w.buf[:n])
	}
}

// parse appends the events that b holds.
func (w *watch) parse(b []byte) {
	const header = syscall.SizeofInotifyEvent
	for len(b) >= header {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		cookie := binary.NativeEndian.Uint32(b[8:])
		size := int(binary.NativeEndian.Uint32(b[12:]))
		if len(b) < header+size {
			return
		}
		name := string(bytes.TrimRight(b[header:header+size], "\x00"))
		b = b[header+size:]
		w.append(wd, mask, cookie, name)
	}
}

func (w *watch) append(wd int32, mask, cookie uint32, name string) {
	var kind eventKind
	switch {
	case mask&syscall.IN_Q_OVERFLOW != 0:
		w.events = append(w.events, event{kind: overflowed})
		return
	case mask&syscall.IN_IGNORED != 0: // the directory is gone
		delete(w.dirs, wd)
		return
	case mask&syscall.IN_ISDIR != 0:
		return
	case mask&syscall.IN_CREATE != 0:
		kind = created
	case mask&syscall.IN_MOVED_FROM != 0:
		kind = left
	case mask&syscall.IN_MOVED_TO != 0:
		kind = came
	case mask&syscall.IN_DELETE != 0:
		kind = removed
	default:
		return
	}
	for _, dir := range w.dirs[wd] {
		w.events = append(w.events, event{kind, dir, name, cookie})
	}
}

// add has a directory watched, which may have been replaced since it was added last.
func (w *watch) add(dir string) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 {
		return nil
	}
	const what = syscall.IN_CREATE | syscall.IN_MOVED_FROM | syscall.IN_MOVED_TO | syscall.IN_DELETE | syscall.IN_ONLYDIR
	wd, err := syscall.InotifyAddWatch(w.fd, dir, what)
	if err != nil {
		return os.NewSyscallError("inotify_add_watch", err)
	}
	for other, dirs := range w.dirs {
		if other != int32(wd) {
			w.dirs[other] = without(dirs, dir)
		}
	}
	w.dirs[int32(wd)] = append(without(w.dirs[int32(wd)], dir), dir)
	return nil
}

func without(dirs []string, dir string) (rest []string) {
	for _, d := range dirs {
		if d != dir {
			rest = append(rest, d)
		}
	}
	return rest
}

// drain returns the events that nobody has got yet.
func (w *watch) drain() []event {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pull()
	events := w.events
	w.events = nil
	return events
}

// wake returns a channel that tells of new events.
func (w *watch) wake() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.woken
}

// close ends the watch. It waits for its goroutine.
func (w *watch) close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.fd = -1
	w.mu.Unlock()
	_ = w.file.Close()
	<-w.done
}
