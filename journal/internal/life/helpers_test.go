package life

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

var (
	osFS  = disk.OS()
	began = time.Unix(1_700_000_000, 0)
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want one that is %q", err, want)
	}
}

func create(t testing.TB, root string, at time.Time) *Life {
	t.Helper()
	l, err := Create(osFS, root, at)
	ok(t, err)
	t.Cleanup(func() { l.Release() })
	return l
}

// claimAll claims what is in root, and lets go of it when the test ends.
func claimAll(t testing.TB, fsys disk.FS, root string) (dead []*Dead, problems []error) {
	t.Helper()
	found, err := Claim(fsys, root, math.MaxInt)
	ok(t, err)
	t.Cleanup(func() {
		for _, d := range found.Dead {
			d.Release()
		}
	})
	return found.Dead, found.Problems
}

// noProblems fails the test if there are any.
func noProblems(t testing.TB, problems []error) {
	t.Helper()
	for _, p := range problems {
		t.Errorf("problem: %v", p)
	}
}

// putCursor makes the file of a cursor that stands at m.
func putCursor(t testing.TB, dir, key string, m Mark) {
	t.Helper()
	c, err := CreateCursor(osFS, dir, key, m, false)
	ok(t, err)
	ok(t, c.Close())
}

const segmentBytes = 1 << 10

// putSegment makes a segment file of l with records of sequences from first and
// returns its path. Ordinal and base are those of a journal whose segments each
// hold as many.
func putSegment(t testing.TB, l *Life, slot int, ordinal, first uint64, records int) string {
	t.Helper()
	h := frame.SegmentHeader{
		ID: l.ID, Created: l.Created, SegmentBytes: segmentBytes, Ordinal: ordinal, Lap: 1,
		Base: ordinal * uint64(records) * frame.Bytes(5), FirstSeq: first,
	}
	b := make([]byte, frame.Page+segmentBytes)
	h.Put(b, 0)
	h.Put(b, 1)
	seed, at := frame.Seed(l.ID, 1), uint64(0)
	for i := range records {
		f := b[frame.Page+at:]
		word := func(i int, w uint64) { binary.NativeEndian.PutUint64(f[8*i:], w) }
		word(frame.WordState, frame.PackState(frame.Published, 5, 1))
		word(frame.WordSeq, first+uint64(i))
		word(frame.WordTime, frame.PackTime(began))
		copy(f[frame.Header:], fmt.Sprintf("%05d", first+uint64(i)))
		word(frame.WordCheck, frame.PackLevel(0)|frame.PackCheck(frame.Check(seed, at, f, 5)))
		at += frame.Bytes(5)
	}
	path := filepath.Join(l.Dir, fmt.Sprintf("%08x.segment", slot))
	ok(t, os.WriteFile(path, b, 0o600))
	return path
}

// records reads the payloads of a dead life, from the sequence next.
func records(t testing.TB, d *Dead, next uint64) (payloads []string) {
	t.Helper()
	for _, s := range d.Segments {
		text, err := os.ReadFile(s.Path)
		ok(t, err)
		var r frame.Reader
		r.Reset(bytes.NewReader(text), s.SegmentHeader)
		for off := uint64(0); ; {
			f, ok := r.Next(off, next, s.EndSeq)
			if !ok {
				break
			}
			payloads = append(payloads, string(f.Payload))
			off, next = f.End, f.Seq+1
		}
	}
	return payloads
}

// snapshot returns what is under root: the content of files, targets of links.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	ok(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		switch {
		case e.IsDir():
			files[name] = "directory"
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			files[name] = "link to " + to
			return err
		case e.Type().IsRegular():
			text, err := os.ReadFile(path)
			files[name] = "file of " + string(text)
			return err
		default:
			files[name] = e.Type().String()
		}
		return nil
	}))
	return files
}
