package disk

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// Fault is an access to mapped memory that the system could not serve: the file
// ends before it, the device failed, or there was no space for the page.
type Fault struct {
	Addr uintptr // where, in this process
	Err  error   // as the runtime reports it
}

// Error implements error.
func (f *Fault) Error() string {
	return fmt.Sprintf("mapped file cannot be accessed: %v", f.Err)
}

// Unwrap returns the runtime's error.
func (f *Fault) Unwrap() error { return f.Err }

// Guard runs f and returns a memory fault within one of the mappings as a
// [*Fault]; f has ended there. Every other panic goes on. Only f's own goroutine
// is guarded, not those it starts.
func Guard(f func(), within ...*Mapping) (fault error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		for _, m := range within {
			if ours, ok := FaultIn(v, m.bytes); ok {
				fault = ours
				return
			}
		}
		panic(v)
	}()
	f()
	return nil
}

// FaultIn says whether v, which recover returned, is a memory fault within b. It
// is for functions that are called too often for [Guard]. They have the runtime
// panic rather than exit, by [debug.SetPanicOnFault], and panic again with what
// is not theirs.
func FaultIn(v any, b []byte) (*Fault, bool) {
	err, ok := v.(interface {
		runtime.Error
		Addr() uintptr // see debug.SetPanicOnFault
	})
	if !ok {
		return nil, false
	}
	// An address below b wraps around to a large distance.
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if err.Addr()-start >= uintptr(len(b)) {
		return nil, false
	}
	return &Fault{Addr: err.Addr(), Err: err}, true
}
