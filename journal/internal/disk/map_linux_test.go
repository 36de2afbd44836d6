package disk

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
)

// fresh maps a new file of so many pages and returns both.
func fresh(t testing.TB, dir string, pages int) (File, *Mapping) {
	t.Helper()
	if !OS().Mappable(dir) {
		t.Skipf("NOT TESTED: %s is on a file system that is not mapped", dir)
	}
	f := create(t, filepath.Join(dir, "mapped"))
	size := int64(pages * os.Getpagesize())
	must(t, f.Allocate(size))
	m, err := f.Map(size)
	must(t, err)
	t.Cleanup(func() { m.Unmap() })
	return f, m
}

// torn is a mapping whose second page faults.
func torn(t testing.TB) *Mapping {
	t.Helper()
	f, m := fresh(t, t.TempDir(), 2)
	must(t, f.Truncate(int64(os.Getpagesize())))
	return m
}

func TestMappingIsTheFile(t *testing.T) {
	f, m := fresh(t, t.TempDir(), 3)
	must(t, m.Populate())
	copy(m.Bytes()[5000:], "through memory")
	p := make([]byte, 14)
	if _, err := f.ReadAt(p, 5000); string(p) != "through memory" || err != nil {
		t.Errorf("the file has %q, %v", p, err)
	}
	if _, err := f.WriteAt([]byte{1, 1, 1, 1, 1, 1, 1, 1}, 8); err != nil {
		t.Fatal(err)
	}
	if got := m.Words()[1]; got != 0x0101010101010101 {
		t.Errorf("the memory has %#x", got)
	}
	if len(m.Bytes()) != 3*os.Getpagesize() || len(m.Words()) != len(m.Bytes())/8 {
		t.Errorf("%d bytes, %d words", len(m.Bytes()), len(m.Words()))
	}
	must(t, f.Close())
	m.Bytes()[0] = 1 // outlives the file's closing
	must(t, m.Unmap())
	must(t, m.Unmap())
	if m.Bytes() != nil || m.Words() != nil {
		t.Error("there is memory after Unmap")
	}
	must(t, m.Populate())
}

func TestFileLengthenedWithoutBlocksIsNotMapped(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f")).(*file)
	must(t, f.Truncate(4096))
	f.sparse = true // as Allocate leaves it
	if _, err := f.Map(4096); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("mapped: %v", err)
	}
	for _, size := range []int64{0, -8, 4097} {
		if _, err := f.Map(size); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("mapped %d bytes: %v", size, err)
		}
	}
}

var (
	sinkByte byte
	sinkSum  uint32
)

func TestGuardMakesFaultsErrors(t *testing.T) {
	table := crc32.MakeTable(crc32.Castagnoli)
	for name, access := range map[string]func(m *Mapping, page []byte){
		"read":            func(_ *Mapping, page []byte) { sinkByte = page[17] },
		"write":           func(_ *Mapping, page []byte) { page[17] = 1 },
		"copy from":       func(_ *Mapping, page []byte) { copy(make([]byte, len(page)), page) },
		"copy to":         func(_ *Mapping, page []byte) { copy(page, make([]byte, len(page))) },
		"copy over start": func(m *Mapping, _ []byte) { copy(make([]byte, 100), m.Bytes()[os.Getpagesize()-50:]) },
		"clear":           func(_ *Mapping, page []byte) { clear(page) },
		"append from":     func(_ *Mapping, page []byte) { sinkByte = append([]byte(nil), page...)[0] },
		"string":          func(_ *Mapping, page []byte) { sinkByte = string(page)[0] },
		"compare":         func(_ *Mapping, page []byte) { sinkSum = uint32(bytes.Compare(page, make([]byte, len(page)))) },
		"CRC-32C":         func(_ *Mapping, page []byte) { sinkSum = crc32.Update(0, table, page) },
		"CRC of 32 bytes": func(_ *Mapping, page []byte) { sinkSum = crc32.Update(0, table, page[:32]) },
		"word":            func(m *Mapping, _ []byte) { m.Words()[len(m.Words())-1] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			m := torn(t)
			page := m.Bytes()[os.Getpagesize():]
			other := torn(t)
			after := false
			err := Guard(func() { access(m, page); after = true }, other, m)
			fault, ok := err.(*Fault)
			if !ok || after {
				t.Fatalf("got %v and went on is %v; want a *Fault", err, after)
			}
			var re runtime.Error
			if !errors.As(fault, &re) {
				t.Errorf("%v wraps no runtime error", fault)
			}
			if _, ok := FaultIn(re, page); !ok {
				t.Errorf("the fault is at %#x, not in the page", fault.Addr)
			}
			if _, ok := FaultIn(re, m.Bytes()[:os.Getpagesize()]); ok {
				t.Error("the fault is in the page before as well")
			}
			if debug.SetPanicOnFault(false) {
				t.Error("faults still panic after Guard")
			}
		})
	}
}

func TestGuardLetsOtherPanicsGoOn(t *testing.T) {
	m, other := torn(t), torn(t)
	index := len(m.Bytes())
	var null *Fault
	for name, f := range map[string]func(){
		"fault elsewhere": func() { sinkByte = other.Bytes()[os.Getpagesize()] },
		"index":           func() { sinkByte = m.Bytes()[index] },
		"nil pointer":     func() { null.Addr = 1 },
		"own":             func() { panic("own") },
		"nil":             func() { panic(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the panic has ended in Guard", name)
				}
				if debug.SetPanicOnFault(false) {
					t.Errorf("%s: faults still panic", name)
				}
			}()
			err := Guard(f, m)
			t.Errorf("%s: returned %v", name, err)
		}()
	}
}

func TestGuardedFunctionMayEndItsGoroutine(t *testing.T) {
	done := make(chan struct{}) // closed when the goroutine has ended
	go func() {
		defer close(done)
		Guard(runtime.Goexit)
		t.Error("Guard returned")
	}()
	<-done
}

func TestGuardWithinGuardKeepsTheOuterOne(t *testing.T) {
	m := torn(t)
	err := Guard(func() {
		if err := Guard(func() {}, m); err != nil {
			t.Error(err)
		}
		m.Bytes()[os.Getpagesize()] = 1
	}, m)
	if _, ok := err.(*Fault); !ok {
		t.Errorf("got %v", err)
	}
}

// populates are the two ways to do it: the kernel's, and the one for old kernels.
var populates = map[string]func(*Mapping) error{
	"kernel": (*Mapping).Populate,
	"touch":  func(m *Mapping) error { return m.touch(os.Getpagesize()) },
}

func TestPopulateReportsWhatWouldFault(t *testing.T) {
	for name, populate := range populates {
		if err := populate(torn(t)); err == nil {
			t.Errorf("%s: no error for a page behind the file's end", name)
		}
	}
}

func TestPopulateChangesNothing(t *testing.T) {
	for name, populate := range populates {
		_, m := fresh(t, t.TempDir(), 64)
		for i := range m.Bytes() {
			m.Bytes()[i] = byte(i * 7)
		}
		want := bytes.Clone(m.Bytes())
		must(t, populate(m))
		if !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%s: the content has changed", name)
		}
	}
}

func TestPopulateUndoesNoConcurrentWrite(t *testing.T) {
	for name, populate := range populates {
		_, m := fresh(t, t.TempDir(), 1)
		written := make(chan struct{}) // closed when all is written
		go func() {
			defer close(written)
			for n := range uint64(100_000) {
				if got := atomic.LoadUint64(&m.Words()[0]); n > 0 && got != n-1 {
					t.Errorf("%s: %d was written and is %d", name, n-1, got)
					return
				}
				atomic.StoreUint64(&m.Words()[0], n)
			}
		}()
		for running := true; running; {
			must(t, populate(m))
			select {
			case <-written:
				running = false
			default:
			}
		}
	}
}

func TestOnlyLocalFileSystemsThatKeepTheirPromiseAreMapped(t *testing.T) {
	for _, dir := range []string{"/proc", "/sys", "/nonexistent"} {
		if OS().Mappable(dir) {
			t.Errorf("%s is to be mapped", dir)
		}
	}
}

// The difference between these two is what a guarded append or read pays.

func BenchmarkUnguarded(b *testing.B) {
	_, m := fresh(b, b.TempDir(), 1)
	for b.Loop() {
		store(m.Bytes(), 1)
	}
}

func BenchmarkOwnDeferWithFaultIn(b *testing.B) {
	_, m := fresh(b, b.TempDir(), 1)
	for b.Loop() {
		if err := guardedStore(m.Bytes(), 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	_, m := fresh(b, b.TempDir(), 1)
	for b.Loop() {
		if err := Guard(func() { store(m.Bytes(), 1) }, m); err != nil {
			b.Fatal(err)
		}
	}
}

//go:noinline
func store(b []byte, v byte) { b[0] = v }

func guardedStore(b []byte, v byte) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if v := recover(); v != nil {
			fault, ok := FaultIn(v, b)
			if !ok {
				panic(v)
			}
			err = fault
		}
	}()
	store(b, v)
	return nil
}
