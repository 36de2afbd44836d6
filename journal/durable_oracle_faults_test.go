package journal

import (
	"sync/atomic"
	"syscall"

	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// fail makes the disk fail in one more way.
func (m *livesModel) fail() {
	m.failed = true
	var f *disktest.Failure
	switch m.rng.IntN(5) {
	case 0:
		m.fs.SetSpace(int64(m.rng.IntN(100_000)))
		return
	case 1:
		f = m.fs.Fail(disktest.Every, "*.segment", syscall.EIO)
	case 2:
		f = m.fs.Fail(disktest.Create|disktest.Open|disktest.OpenRead, "*", syscall.EMFILE)
	case 3:
		f = m.fs.Fail(disktest.WriteAt|disktest.WriteFile|disktest.Create|disktest.Allocate|disktest.Remove|disktest.Rename, "*", syscall.EROFS)
	case 4:
		f = m.fs.Fail(disktest.Every, "*.cursor", syscall.EIO)
	}
	m.end = append(m.end, f.Clear)
}

// mend makes the disk well again.
func (m *livesModel) mend() {
	m.fs.SetSpace(1 << 40)
	for _, end := range m.end {
		end()
	}
	m.end = nil
	m.thaw()
}

// thaw ends what freeze has begun.
func (m *livesModel) thaw() {
	if m.frozen != nil {
		close(m.resume)
		m.frozen = nil
	}
}

// freeze makes the disk stand still at one of the next operations that the
// journal's goroutines ask for, so that a kill comes there.
func (m *livesModel) freeze() {
	if m.frozen != nil {
		return
	}
	frozen, resume := make(chan struct{}), make(chan struct{})
	m.frozen, m.resume = frozen, resume
	var left atomic.Int64
	left.Store(1 + m.rng.Int64N(12))
	m.end = append(m.end, m.fs.Before(disktest.Every&^disktest.Close, "*", func(disktest.Op, string) {
		if m.calling.Load() || left.Add(-1) != 0 {
			return
		}
		close(frozen)
		<-resume
	}))
}
