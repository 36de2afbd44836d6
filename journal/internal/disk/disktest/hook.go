package disktest

import (
	"fmt"
	"path"
	"slices"
)

// hook is what is called before operations.
type hook struct {
	ops     Op
	pattern string
	call    func(op Op, path string)
}

// Before has call called at the beginning of every matching call, on its
// goroutine, until the function that Before returns is called: to look at what is
// there at that moment, or to let the disk hang. The operation goes on, or fails as
// it would have, when call returns.
func (f *Faulty) Before(ops Op, pattern string, call func(op Op, path string)) (end func()) {
	if _, err := path.Match(pattern, ""); err != nil {
		panic(fmt.Sprintf("disktest: pattern %q: %v", pattern, err))
	}
	h := &hook{ops, pattern, call}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks = append(slices.Clip(f.hooks), h)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.hooks = slices.DeleteFunc(slices.Clone(f.hooks), func(other *hook) bool { return other == h })
	}
}

// callHooks calls what is to be called before an operation. It holds no lock
// meanwhile.
func (f *Faulty) callHooks(op Op, paths []string) {
	f.mu.Lock()
	hooks := f.hooks
	f.mu.Unlock()
	for _, h := range hooks {
		is := func(p string) bool { return matches(h.pattern, p) }
		if h.ops&op != 0 && slices.ContainsFunc(paths, is) {
			h.call(op, paths[0])
		}
	}
}
