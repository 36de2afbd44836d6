// Package archivetest makes directories of durable journals for tests, as
// processes leave them that have ended.
package archivetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// SegmentBytes is the room for records in each segment.
const SegmentBytes = 4096

// Record is a record to be written.
type Record struct {
	Time  time.Time
	Level slog.Level
	JSON  string
}

// Life is a life to be written. It has no spare segments, and its lock is free.
type Life struct {
	ID       [16]byte
	Created  time.Time
	First    uint64            // sequence of the first record
	Segments [][]Record        // each fits into SegmentBytes
	Cursors  map[string]Cursor // by key
	Carried  map[string]archive.Tally
	Counted  []string // ids of lives that Carried counts
}

// Cursor says how far a sink has come.
type Cursor struct {
	Next  uint64
	Tally archive.Tally
}

// Name returns the life's id in hex, which is the name of its directory.
func (l Life) Name() string { return hex.EncodeToString(l.ID[:]) }

// Write writes the life into the journal's directory dir, which it makes where
// it is missing.
func (l Life) Write(tb testing.TB, dir string) {
	tb.Helper()
	dir = filepath.Join(dir, l.Name())
	try(tb, os.MkdirAll(dir, 0o700))
	try(tb, os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600))
	h := frame.SegmentHeader{ID: l.ID, Created: l.Created.UnixNano(), SegmentBytes: SegmentBytes, Lap: 1, FirstSeq: l.First}
	for i, records := range l.Segments {
		h.Ordinal, h.Installed = uint64(i), l.Created.Add(time.Duration(i)*time.Second).UnixNano()
		segment, end := l.segment(tb, h, records)
		try(tb, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%08x.segment", i)), segment, 0o600))
		h.Base += end
		h.FirstSeq += uint64(len(records))
	}
	for key, c := range l.Cursors {
		f, err := life.CreateCursor(disk.OS(), dir, key, life.Mark{Next: c.Next, Tally: c.Tally}, false)
		try(tb, err)
		try(tb, f.Close())
	}
	if l.Carried != nil {
		try(tb, life.Carried{Lives: l.Counted, Tallies: l.Carried}.Write(disk.OS(), dir))
	}
}

// segment returns a segment file and where its last frame ends.
func (l Life) segment(tb testing.TB, h frame.SegmentHeader, records []Record) (file []byte, end uint64) {
	tb.Helper()
	file = make([]byte, frame.Page+SegmentBytes)
	h.Put(file, 0)
	h.Put(file, 1)
	seed := frame.Seed(l.ID, h.Lap)
	for i, r := range records {
		if end+frame.Bytes(len(r.JSON)) > SegmentBytes {
			tb.Fatalf("archivetest: record %d does not fit into its segment", i)
		}
		f := file[frame.Page+end:]
		put := func(word int, w uint64) { binary.NativeEndian.PutUint64(f[8*word:], w) }
		put(frame.WordState, frame.PackState(frame.Published, len(r.JSON), h.Lap))
		put(frame.WordSeq, h.FirstSeq+uint64(i))
		put(frame.WordTime, frame.PackTime(r.Time))
		put(frame.WordCheck, frame.PackLevel(r.Level))
		copy(f[frame.Header:], r.JSON)
		put(frame.WordCheck, frame.PackLevel(r.Level)|frame.PackCheck(frame.Check(seed, end, f, len(r.JSON))))
		end += frame.Bytes(len(r.JSON))
	}
	tail := uint64(len(records))<<32 | end/4
	binary.NativeEndian.PutUint64(file[8*frame.TailWord:], tail)
	binary.NativeEndian.PutUint64(file[8*frame.TailWord+8:], frame.TailCheck(tail, h.Ordinal))
	return file, end
}

func try(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("archivetest: %v", err)
	}
}
