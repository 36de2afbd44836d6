package archive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/journal/archive/archivetest"
)

// oneLife writes a small journal: three segments of eight records each, with the
// numbers 0 to 23.
func oneLife(t testing.TB) (dir string, l archivetest.Life) {
	t.Helper()
	dir = t.TempDir()
	l = archivetest.Life{
		ID: id(0xee), Created: start,
		Segments: [][]archivetest.Record{records(0, 8), records(8, 8), records(16, 8)},
		Cursors:  map[string]archivetest.Cursor{"a": {Next: 10}},
		Carried:  map[string]Tally{"a": {Delivered: 7}},
	}
	l.Write(t, dir)
	return dir, l
}

// checkHonest reads everything and fails the test unless each record came at most
// once and in order, and what is missing of the first total is told.
func checkHonest(t *testing.T, dir string, total int) (got []int) {
	t.Helper()
	got, errs := numbers(t, dir, Query{})
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("not in order: %v", got)
	}
	var gap uint64
	for _, err := range errs {
		var g *Gap
		if errors.As(err, &g) {
			gap += g.Count
		}
	}
	if len(got)+int(gap) != total {
		t.Errorf("%d records and gaps of %d, want %d in all: %v", len(got), gap, total, errs)
	}
	r, err := Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Damage() != gap {
		t.Errorf("Verify counts %d damaged, Records %d", r.Damage(), gap)
	}
	return got
}

// Where nothing but frames is damaged, the flipped record alone is missing.
func TestFlippedByteOfAFrameCostsItsRecordAlone(t *testing.T) {
	dir, l := oneLife(t)
	path := filepath.Join(dir, l.Name(), "00000001.segment")
	good, err := os.ReadFile(path)
	try(t, err)
	for at := 4096; at < 4096+8*40; at++ {
		bad := slices.Clone(good)
		bad[at] ^= 0xff
		try(t, os.WriteFile(path, bad, 0o600))
		if got := checkHonest(t, dir, 24); len(got) < 23 {
			t.Fatalf("byte %d: %v", at, got)
		}
	}
}

func TestFlippedByteOfAHeaderPageCostsNoRecord(t *testing.T) {
	dir, l := oneLife(t)
	for slot := range 3 {
		path := filepath.Join(dir, l.Name(), fmt.Sprintf("%08x.segment", slot))
		good, err := os.ReadFile(path)
		try(t, err)
		for _, copies := range [][]int{{0}, {512}, {0, 512}, {1024}} {
			for at := 0; at < 96; at += 5 {
				bad := slices.Clone(good)
				for _, c := range copies {
					bad[c+at] ^= 0xff
				}
				try(t, os.WriteFile(path, bad, 0o600))
				r, err := Inspect(dir)
				try(t, err)
				if r.Lives[0].Newer {
					continue // a version that does not exist yet
				}
				if got := checkHonest(t, dir, 24); len(got) != 24 {
					t.Fatalf("slot %d, copies %v, byte %d: %v; %q", slot, copies, at, got, r.Problems)
				}
			}
		}
		try(t, os.WriteFile(path, good, 0o600))
	}
}

func TestCopiedSegmentFileIsLeftOutAndTold(t *testing.T) {
	dir, l := oneLife(t)
	segment, err := os.ReadFile(filepath.Join(dir, l.Name(), "00000001.segment"))
	try(t, err)
	try(t, os.WriteFile(filepath.Join(dir, l.Name(), "00000007.segment"), segment, 0o600))
	if got := checkHonest(t, dir, 24); len(got) != 24 {
		t.Errorf("%v", got)
	}
	if r, _ := Inspect(dir); len(r.Problems) != 1 || len(r.Lives[0].Segments) != 3 {
		t.Errorf("%q", r.Problems)
	}
}

func TestLifeOfAnotherVersionIsLeftOutAndTold(t *testing.T) {
	dir, lives := twoLives(t)
	path := filepath.Join(dir, lives[0].Name(), "00000002.segment")
	text, err := os.ReadFile(path)
	try(t, err)
	for _, c := range []int{0, 512} {
		binary.NativeEndian.PutUint32(text[c+8:], 9)
		sum := crc32.Checksum(text[c:c+88], crc32.MakeTable(crc32.Castagnoli))
		binary.NativeEndian.PutUint64(text[c+88:], uint64(sum))
	}
	try(t, os.WriteFile(path, text, 0o600))
	got, errs := numbers(t, dir, Query{})
	if !slices.Equal(got, span(30, 35)) || len(errs) != 1 {
		t.Errorf("%v, %v", got, errs)
	}
	if r, _ := Inspect(dir); !r.Lives[0].Newer && !r.Lives[1].Newer || len(r.Lives) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestSymbolicLinksAreNotFollowed(t *testing.T) {
	dir, lives := twoLives(t)
	first := filepath.Join(dir, lives[0].Name())
	elsewhere := t.TempDir()
	for _, name := range []string{"00000000.segment", "loki.cursor", "lock"} {
		try(t, os.Rename(filepath.Join(first, name), filepath.Join(elsewhere, name)))
		if err := os.Symlink(filepath.Join(elsewhere, name), filepath.Join(first, name)); err != nil {
			t.Skipf("NOT TESTED: %v", err)
		}
	}
	second := filepath.Join(dir, lives[1].Name())
	try(t, os.Rename(second, filepath.Join(elsewhere, "life")))
	try(t, os.Symlink(filepath.Join(elsewhere, "life"), second))
	if got, _ := numbers(t, dir, Query{}); !slices.Equal(got, span(10, 30)) {
		t.Errorf("%v", got)
	}
	r, err := Inspect(dir)
	if err != nil || len(r.Lives) != 1 || len(r.Lives[0].Cursors) != 1 || !slices.Equal(r.Foreign, []string{lives[1].Name()}) {
		t.Errorf("%v: %+v", err, r)
	}
}

// A process starts a segment in the place of one that is being read.
func TestSegmentThatIsUsedAgainMeanwhileIsAGap(t *testing.T) {
	dir, l := oneLife(t)
	again := l
	again.Segments = append(slices.Clone(l.Segments), records(24, 8))
	other := t.TempDir()
	again.Write(t, other)
	later, err := os.ReadFile(filepath.Join(other, l.Name(), "00000003.segment"))
	try(t, err)
	all, err := Records(dir, Query{})
	try(t, err)
	var got []string
	for r, err := range all {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		if got = append(got, string(r.Data)); len(got) == 3 { // within the first segment: the second is used again
			try(t, os.WriteFile(filepath.Join(dir, l.Name(), "00000001.segment"), later, 0o600))
		}
	}
	if len(got) != 8+1+8 || got[8] != "journal: life "+l.Name()+": 8 records from 0000000000000008 on were evicted or removed while it was read" {
		t.Errorf("%q", got)
	}
}

func TestLifeThatIsRemovedMeanwhileIsAGap(t *testing.T) {
	dir, l := oneLife(t)
	all, err := Records(dir, Query{})
	try(t, err)
	n, gap := 0, uint64(0)
	for _, err := range all {
		var g *Gap
		if errors.As(err, &g) {
			gap += g.Count
		} else if n++; n == 3 {
			try(t, os.RemoveAll(filepath.Join(dir, l.Name())))
		}
	}
	if n+int(gap) != 24 || gap == 0 {
		t.Errorf("%d records and gaps of %d", n, gap)
	}
}

// Whatever lies in a directory, records come at most once and in order, and all
// calls end.
func TestDamagedDirectoriesAreReadWithoutPanic(t *testing.T) {
	const rounds = 100
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pristine, _ := oneLife(t)
	for range rounds {
		dir := t.TempDir()
		try(t, os.CopyFS(dir, os.DirFS(pristine)))
		hurt(t, random, dir)
		got, _ := numbers(t, dir, Query{})
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || len(got) > 24 {
			t.Errorf("%v", got)
		}
		_, _ = numbers(t, dir, Query{From: Bound{Time: start.Add(5 * time.Second)}})
		if _, err := Verify(dir); err != nil {
			t.Error(err)
		}
		try(t, os.RemoveAll(dir))
	}
}

// hurt damages some of the files below dir.
func hurt(t *testing.T, random *rand.Rand, dir string) {
	t.Helper()
	var paths []string
	try(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if e.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	}))
	for range 1 + random.IntN(4) {
		path := paths[random.IntN(len(paths))]
		text, err := os.ReadFile(path)
		try(t, err)
		at := random.IntN(len(text) + 1)
		end := at + random.IntN(len(text)-at+1)
		switch random.IntN(6) {
		case 0:
			clear(text[at:end])
		case 1:
			for i := at; i < end; i++ {
				text[i] = byte(random.Uint32())
			}
		case 2:
			text = text[:at]
		case 3:
			if at < len(text) {
				text[at] ^= 1 << random.IntN(8)
			}
		case 4:
			text, err = os.ReadFile(paths[random.IntN(len(paths))])
			try(t, err)
		case 5:
			copy(text[at:], text[end:])
		}
		try(t, os.WriteFile(path, text, 0o600))
	}
}

func FuzzSegment(f *testing.F) {
	dir, l := oneLife(f)
	path := filepath.Join(dir, l.Name(), "00000001.segment")
	good, err := os.ReadFile(path)
	try(f, err)
	f.Add(good)
	f.Add(good[:5000])
	f.Fuzz(func(t *testing.T, text []byte) {
		try(t, os.WriteFile(path, text, 0o600))
		all, err := Records(dir, Query{})
		try(t, err)
		for _, err := range all {
			var g *Gap
			if err != nil && !errors.As(err, &g) {
				t.Log(err)
			}
		}
		if _, err := Verify(dir); err != nil {
			t.Error(err)
		}
	})
}

func TestSegmentFileThatIsMissingIsAGapUnlessEveryCursorHadPassed(t *testing.T) {
	dir, l := oneLife(t)
	gone := filepath.Join(dir, l.Name(), "00000001.segment")
	try(t, os.Remove(gone))
	got, errs := numbers(t, dir, Query{})
	if want := append(span(0, 8), span(16, 24)...); !slices.Equal(got, want) || len(errs) != 1 {
		t.Errorf("%v, %v", got, errs)
	}
	var g *Gap
	if !errors.As(errs[0], &g) || g.First != 10 || g.Count != 6 { // the only cursor has settled 0 to 9
		t.Errorf("%v", errs)
	}
	if r, _ := Verify(dir); r.Damage() != 6 {
		t.Errorf("%+v", r)
	}
}
