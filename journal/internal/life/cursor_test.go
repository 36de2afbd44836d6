package life

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// markOf returns a mark in which every word differs from every other one's.
func markOf(n uint64) Mark {
	m := Mark{Next: n << 8, Origin: n<<8 + 1}
	for i, w := range m.Tally.words() {
		*w = n<<8 + 2 + uint64(i)
	}
	return m
}

// ways runs a test with a cursor that is mapped, where that can be, and with one
// that is written.
func ways(t *testing.T, f func(t *testing.T, mapped bool)) {
	t.Run("mapped", func(t *testing.T) { f(t, true) })
	t.Run("written", func(t *testing.T) { f(t, false) })
}

func TestCursorIsFoundWhereItWasStored(t *testing.T) {
	ways(t, func(t *testing.T, mapped bool) {
		dir := t.TempDir()
		c, err := CreateCursor(osFS, dir, "file", markOf(1), mapped)
		ok(t, err)
		for n := uint64(1); n < 6; n++ {
			if key, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor")); key != "file" || m != markOf(n) || err != nil {
				t.Errorf("ReadCursor: %q, %+v, %v; want mark %d", key, m, err, n)
			}
			ok(t, c.Close())
			var m Mark
			c, m, err = OpenCursor(osFS, dir, "file", mapped)
			ok(t, err)
			if m != markOf(n) {
				t.Errorf("OpenCursor: %+v, want mark %d", m, n)
			}
			ok(t, c.Store(markOf(n+1)))
		}
		ok(t, c.Close())
		ok(t, c.Close())
		wantErr(t, c.Store(markOf(9)), fs.ErrClosed)
		info, err := os.Stat(filepath.Join(dir, "file.cursor"))
		ok(t, err)
		if info.Size() != pageBytes || info.Mode().Perm() != 0o600 {
			t.Errorf("the file has %d bytes and mode %v", info.Size(), info.Mode())
		}
	})
}

func TestStoreAllocatesNothing(t *testing.T) {
	ways(t, func(t *testing.T, mapped bool) {
		c, err := CreateCursor(osFS, t.TempDir(), "file", Mark{}, mapped)
		ok(t, err)
		defer c.Close()
		m := markOf(1)
		if n := testing.AllocsPerRun(100, func() { m.Next++; ok(t, c.Store(m)) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// Whatever prefix of Store's stores a kill leaves, in words or in bytes, the file
// holds the old mark or the new one.
func TestEveryPrefixOfAStoreIsTheOldMarkOrTheNewOne(t *testing.T) {
	for stores := range uint64(3) {
		p := newPage("file", markOf(0))
		for n := range stores {
			s, at, err := p.newest()
			ok(t, err)
			s = slot{generation: s.generation + 1, mark: markOf(n + 1)}
			s.put((*[slotBytes]byte)(p[slotAt(1-at):]))
		}
		last, at, err := p.newest()
		ok(t, err)
		var b [slotBytes]byte
		next := slot{generation: last.generation + 1, mark: markOf(stores + 1)}
		next.put(&b)
		for n := range slotBytes + 1 {
			torn := *p
			copy(torn[slotAt(1-at):], b[:n])
			want := markOf(stores)
			if n >= slotSum+4 { // the checksum's upper half is zero
				want = markOf(stores + 1)
			}
			if _, m, err := torn.read(); err != nil || m != want {
				t.Fatalf("after %d stores and %d bytes of another: %+v, %v", stores, n, m, err)
			}
		}
	}
}

// What a kill leaves of Store's stores are those words that the test above says.
func TestStoreWritesWordByWordAndTheChecksumLast(t *testing.T) {
	var c CursorFile
	s := slot{generation: 7, mark: markOf(3)}
	s.put(&c.buf)
	for slots := range slotCount {
		start := slotAt(slots) / wordBytes
		for n := range slotWords + 1 {
			words := make([]uint64, pageBytes/wordBytes)
			c.next, c.words = slots, words[:start+n] // the store of the next word panics
			func() {
				defer func() {
					if v := recover(); (v != nil) != (n < slotWords) {
						t.Errorf("stopped before word %d: %v", n, v)
					}
				}()
				c.copySlot()
			}()
			for i, w := range words {
				var want uint64
				if start <= i && i < start+n {
					want = native.Uint64(c.buf[(i-start)*wordBytes:])
				}
				if w != want {
					t.Errorf("stopped before word %d: word %d is %#x, want %#x", n, i-start, w, want)
				}
			}
		}
	}
}

func TestEveryByteFlipIsOneOfTheMarksOrDamage(t *testing.T) {
	p := newPage("file", markOf(1))
	s := slot{generation: 2, mark: markOf(2)}
	s.put((*[slotBytes]byte)(p[slotAt(1):]))
	dir := t.TempDir()
	path := filepath.Join(dir, "file.cursor")
	var old, damaged int
	for i := range p {
		for _, flip := range []byte{0xff, 1, 1 << (i % 8)} {
			p[i] ^= flip
			key, m, err := p.read()
			switch {
			case err == nil && key == "file" && m == markOf(1):
				old++
			case errors.Is(err, ErrDamaged):
				damaged++
			case err != nil || key != "file" || m != markOf(2):
				t.Errorf("byte %d ^ %#x: %q, %+v, %v", i, flip, key, m, err)
			}
			p[i] ^= flip
		}
	}
	if old != 3*slotBytes || damaged != 3*headerBytes {
		t.Errorf("%d flips led to the old mark, %d to damage; want %d and %d", old, damaged, 3*slotBytes, 3*headerBytes)
	}
	for _, size := range []int{0, 1, headerBytes, headerBytes + slotSum + 3, 2 * headerBytes} {
		ok(t, os.WriteFile(path, p[:size], 0o600))
		_, m, err := ReadCursor(osFS, path)
		if size < 2*headerBytes {
			wantErr(t, err, ErrDamaged)
		} else if err != nil || m != markOf(1) {
			t.Errorf("cut to %d bytes: %+v, %v", size, m, err)
		}
	}
}

func TestCutCursorWithAMarkIsMendedByTheNextStores(t *testing.T) {
	ways(t, func(t *testing.T, mapped bool) {
		dir := t.TempDir()
		putCursor(t, dir, "file", markOf(1))
		ok(t, os.Truncate(filepath.Join(dir, "file.cursor"), 2*headerBytes))
		c, _, err := OpenCursor(osFS, dir, "file", mapped)
		ok(t, err)
		defer c.Close()
		for n := uint64(2); n < 5; n++ {
			ok(t, c.Store(markOf(n)))
			if _, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor")); m != markOf(n) || err != nil {
				t.Errorf("%+v, %v", m, err)
			}
		}
	})
}

func TestCreateCursorReplacesOnlyWhatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file.cursor")
	putCursor(t, dir, "file", markOf(1))
	_, err := CreateCursor(osFS, dir, "file", markOf(2), false)
	wantErr(t, err, fs.ErrExist)
	if m, err := markIn(dir, "file"); m != markOf(1) || err != nil {
		t.Errorf("%+v, %v", m, err)
	}

	ok(t, os.WriteFile(path, []byte("garbage"), 0o600))
	_, _, err = OpenCursor(osFS, dir, "file", false)
	wantErr(t, err, ErrDamaged)
	putCursor(t, dir, "file", markOf(3))
	if m, err := markIn(dir, "file"); m != markOf(3) || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
	if kept, err := os.ReadFile(path + ".damaged"); string(kept) != "garbage" {
		t.Errorf("kept %q, %v", kept, err)
	}

	newer := newPage("file", markOf(1))
	native.PutUint64(newer[8:], orderMark<<32|2)
	native.PutUint64(newer[headerSum:], checksum(newer[:headerSum]))
	ok(t, os.WriteFile(path, newer[:], 0o600))
	_, err = CreateCursor(osFS, dir, "file", markOf(2), false)
	wantErr(t, err, ErrNewer)
	if text, _ := os.ReadFile(path); string(text) != string(newer[:]) {
		t.Error("a newer file was changed")
	}
}

// markIn returns where the cursor in dir stands to who opens it.
func markIn(dir, key string) (Mark, error) {
	c, m, err := OpenCursor(osFS, dir, key, false)
	if err == nil {
		err = c.Close()
	}
	return m, err
}

func TestCursorOfTheOtherByteOrderIsNewer(t *testing.T) {
	p := newPage("file", markOf(1))
	for _, at := range []int{8, 16} {
		swap(p[at:])
	}
	native.PutUint64(p[headerSum:], checksum(p[:headerSum]))
	swap(p[headerSum:])
	_, _, err := p.read()
	wantErr(t, err, ErrNewer)
}

// swap turns a word's bytes around.
func swap(b []byte) {
	for i := range 4 {
		b[i], b[7-i] = b[7-i], b[i]
	}
}

func TestCursorIsNotReachedThroughALink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	putCursor(t, elsewhere, "file", markOf(1))
	before := snapshot(t, elsewhere)
	ok(t, os.Symlink(filepath.Join(elsewhere, "file.cursor"), filepath.Join(dir, "file.cursor")))

	_, err := CreateCursor(osFS, dir, "file", markOf(2), false)
	wantErr(t, err, disk.ErrForeign)
	_, _, err = OpenCursor(osFS, dir, "file", false)
	wantErr(t, err, disk.ErrForeign)
	_, _, err = ReadCursor(osFS, filepath.Join(dir, "file.cursor"))
	wantErr(t, err, disk.ErrForeign)
	marks, damaged, err := ReadCursors(osFS, dir)
	if len(marks)+len(damaged) > 0 || err != nil {
		t.Errorf("ReadCursors: %v, %v, %v", marks, damaged, err)
	}
	if after := snapshot(t, elsewhere); len(after) != len(before) || after["/file.cursor"] != before["/file.cursor"] {
		t.Error("what the link leads to was changed")
	}
}

func TestFailedStoreLeavesTheLastMark(t *testing.T) {
	dir := t.TempDir()
	faulty := disktest.New(osFS)
	c, err := CreateCursor(faulty, dir, "file", markOf(1), false)
	ok(t, err)
	defer c.Close()
	ok(t, c.Store(markOf(2)))
	for keep := range slotBytes {
		failure := faulty.ShortWrite(1, keep, "file.cursor", syscall.ENOSPC)
		wantErr(t, c.Store(markOf(3)), syscall.ENOSPC)
		failure.Clear()
		if _, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor")); err != nil || m != markOf(2) && m != markOf(3) {
			t.Fatalf("after %d bytes: %+v, %v", keep, m, err)
		}
	}
	ok(t, c.Store(markOf(4)))
	if _, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor")); m != markOf(4) || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestStoreIntoATruncatedMappingIsAFault(t *testing.T) {
	dir := t.TempDir()
	if !osFS.Mappable(dir) {
		t.Skipf("SKIPPED: files in %s cannot be mapped", dir)
	}
	c, err := CreateCursor(osFS, dir, "file", markOf(1), true)
	ok(t, err)
	defer c.Close()
	if c.words == nil {
		t.Fatal("the file is not mapped")
	}
	ok(t, os.Truncate(filepath.Join(dir, "file.cursor"), 0))
	var fault *disk.Fault
	if err := c.Store(markOf(2)); !errors.As(err, &fault) {
		t.Errorf("error is %v", err)
	}
	ok(t, os.Truncate(filepath.Join(dir, "file.cursor"), pageBytes))
	ok(t, c.Store(markOf(3))) // into a file without a header
	_, _, err = OpenCursor(osFS, dir, "file", false)
	wantErr(t, err, ErrDamaged)
}

func TestCursorThatCannotBeMappedIsWritten(t *testing.T) {
	faulty := disktest.New(osFS)
	for name, set := range map[string]func(){
		"no mapping":            func() { faulty.SetMappable(false) },
		"no space to allocate":  func() { faulty.SetSpace(0) },
		"mapping is an error":   func() { faulty.Fail(disktest.Map, "*", syscall.ENOMEM) },
		"allocating is refused": func() { faulty.Fail(disktest.Allocate, "*", syscall.EIO) },
	} {
		t.Run(name, func(t *testing.T) {
			faulty = disktest.New(osFS)
			set()
			dir := t.TempDir()
			c, err := CreateCursor(faulty, dir, "file", markOf(1), true)
			ok(t, err)
			defer c.Close()
			ok(t, c.Store(markOf(2)))
			if _, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor")); m != markOf(2) || err != nil {
				t.Errorf("%+v, %v", m, err)
			}
		})
	}
}

func TestUnreadablePartsOfACursorAreDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file.cursor")
	c, err := CreateCursor(osFS, dir, "file", markOf(1), false)
	ok(t, err)
	ok(t, c.Store(markOf(2)))
	ok(t, c.Close())
	for _, test := range []struct {
		from, to int64
		want     uint64 // 0: damaged
	}{
		{0, 1, 0}, {1024, 1025, 2}, {2048, 2049, 1}, {1024, 4096, 0}, {3072, 4096, 2}, {0, 4096, 0},
	} {
		faulty := disktest.New(osFS)
		faulty.Unreadable("file.cursor", test.from, test.to)
		_, m, err := ReadCursor(faulty, path)
		if test.want == 0 {
			wantErr(t, err, ErrDamaged)
		} else if err != nil || m != markOf(test.want) {
			t.Errorf("bytes %d to %d: %+v, %v", test.from, test.to, m, err)
		}
	}
}

// tearing is a file whose owner stores twice during each of the first reads.
type tearing struct {
	disk.File
	reads *int
}

func (f tearing) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if *f.reads--; *f.reads >= 0 {
		p[slotAt(0)]++
		p[slotAt(1)]++
	}
	return n, err
}

type tearingFS struct {
	disk.FS
	reads int
}

func (f *tearingFS) OpenRead(path string) (disk.File, error) {
	file, err := f.FS.OpenRead(path)
	return tearing{file, &f.reads}, err
}

func TestTornReadIsRepeated(t *testing.T) {
	dir := t.TempDir()
	putCursor(t, dir, "file", markOf(1))
	_, m, err := ReadCursor(&tearingFS{osFS, tornReads - 1}, filepath.Join(dir, "file.cursor"))
	if m != markOf(1) || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
	_, _, err = ReadCursor(&tearingFS{osFS, tornReads}, filepath.Join(dir, "file.cursor"))
	wantErr(t, err, ErrDamaged)
}

func TestCursorIsReadWhileItsOwnerStores(t *testing.T) {
	ways(t, func(t *testing.T, mapped bool) {
		dir := t.TempDir()
		c, err := CreateCursor(osFS, dir, "file", markOf(1), mapped)
		ok(t, err)
		var owner sync.WaitGroup
		stop := make(chan struct{}) // closed when enough was read
		owner.Go(func() {
			for n := uint64(2); ; n++ {
				select {
				case <-stop:
					return
				default:
					if err := c.Store(markOf(n)); err != nil {
						t.Errorf("Store: %v", err)
						return
					}
				}
			}
		})
		var last uint64
		for range 1000 {
			key, m, err := ReadCursor(osFS, filepath.Join(dir, "file.cursor"))
			n := m.Next >> 8
			if err != nil || key != "file" || m != markOf(n) || n+1 < last {
				t.Errorf("after mark %d: %+v, %v", last, m, err)
				break
			}
			last = n
		}
		close(stop)
		owner.Wait()
		ok(t, c.Close())
	})
}

func TestKeysThatAreNoFileNamesAreHashed(t *testing.T) {
	for key, same := range map[string]bool{
		"file": true, "file-2": true, "A.b_c-9": true, strings.Repeat("x", 64): true,
		"": false, ".hidden": false, "..": false, "a/b": false, "a b": false, "é": false, "a\x00": false,
		strings.Repeat("x", 65): false, `a\b`: false, "a:b": false,
	} {
		got := FileKey(key)
		if same != (got == key) || !same && !isHex(got, 32) {
			t.Errorf("FileKey(%q) is %q", key, got)
		}
		if key == "" {
			continue
		}
		dir := t.TempDir()
		putCursor(t, dir, key, markOf(1))
		marks, damaged, err := ReadCursors(osFS, dir)
		if err != nil || len(damaged) > 0 || len(marks) != 1 || marks[key] != markOf(1) {
			t.Errorf("cursor of %q: %v, %v, %v", key, marks, damaged, err)
		}
	}
}

func TestKeysWithoutRoomAreRefused(t *testing.T) {
	for _, key := range []string{"", strings.Repeat("x", maxKeyBytes+1), "a\xff"} {
		if _, err := CreateCursor(osFS, t.TempDir(), key, Mark{}, false); err == nil {
			t.Errorf("a cursor of %q was made", key)
		}
	}
}

func TestCursorsOfOtherNamesAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	putCursor(t, dir, "file", markOf(1))
	putCursor(t, dir, "broken", markOf(1))
	ok(t, os.Truncate(filepath.Join(dir, "broken.cursor"), 10))
	text, err := os.ReadFile(filepath.Join(dir, "file.cursor"))
	ok(t, err)
	for _, name := range []string{"copy.cursor", "file.cursor.damaged", "file.cursor.tmp", "file.cursor~"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	_, _, err = OpenCursor(osFS, dir, "copy", false)
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("opening a copy under another name: %v", err)
	}
	marks, damaged, err := ReadCursors(osFS, dir)
	if err != nil || len(marks) != 1 || marks["file"] != markOf(1) || len(damaged) != 1 || damaged[0] != "broken.cursor" {
		t.Errorf("%v, %v, %v", marks, damaged, err)
	}
}

func TestErrorsOfTheFileSystemAreNotTakenForDamage(t *testing.T) {
	dir := t.TempDir()
	putCursor(t, dir, "file", markOf(1))
	faulty := disktest.New(osFS)
	faulty.Fail(disktest.OpenRead|disktest.Open, "*.cursor", syscall.EMFILE)
	if _, _, err := ReadCursors(faulty, dir); !errors.Is(err, syscall.EMFILE) || errors.Is(err, ErrDamaged) {
		t.Errorf("error is %v", err)
	}
	_, err := CreateCursor(faulty, dir, "file", Mark{}, false)
	wantErr(t, err, syscall.EMFILE)
	if m, err := markIn(dir, "file"); m != markOf(1) || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func FuzzReadCursor(f *testing.F) {
	p := newPage("file", markOf(1))
	f.Add(p[:])
	f.Add(p[:1500])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p page
		copy(p[:], b)
		// Whatever it is, a right checksum is what an attacker would have too.
		for _, mended := range []bool{false, true} {
			if mended {
				native.PutUint64(p[headerSum:], checksum(p[:headerSum]))
			}
			key, _, err := p.read()
			if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("error is %v", err)
			}
			if err == nil && (key == "" || len(key) > maxKeyBytes) {
				t.Errorf("key is %q", key)
			}
		}
	})
}

func BenchmarkStore(b *testing.B) {
	for _, mapped := range []bool{true, false} {
		b.Run(map[bool]string{true: "mapped", false: "written"}[mapped], func(b *testing.B) {
			c, err := CreateCursor(osFS, b.TempDir(), "file", Mark{}, mapped)
			ok(b, err)
			defer c.Close()
			m := markOf(1)
			for b.Loop() {
				m.Next++
				if err := c.Store(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
