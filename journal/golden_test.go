package journal

import (
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

var update = flag.Bool("update", false, "write the golden files of this version anew")

// The records of the golden journal: two lives of so many each, of which the sink
// one has settled the first life's first ten. The first life carries one more.
const (
	goldenRecords = 40
	goldenSettled = 10
)

func goldenRecord(life, n int) (time.Time, slog.Level, []byte) {
	t := time.Date(2026, 11, 22, life, n, 0, n, time.UTC)
	if n == 3 {
		t = time.Time{}
	}
	return t, slog.Level(n%4*4 - 4), fmt.Appendf(nil, `{"life":%d,"n":%d,"pad":"%0*d"}`, life, n, 50+n, 0)
}

// Files that this version has written stay readable for every later one.
func TestJournalOfVersion1IsRead(t *testing.T) {
	golden := filepath.Join("testdata", "v1")
	if *update {
		writeGolden(t, golden)
	}
	if !nativeIsLittle() {
		t.Skip("the golden files are of a little-endian machine")
	}
	j := openDir(t, image(t, golden), 64)
	one := j.NewCursor(CursorConfig{Key: "one"})
	two := j.NewCursor(CursorConfig{Key: "two"})
	j.Ready()
	if got := one.Settled(); got != (Tally{Filtered: 1, Delivered: goldenSettled - 1, Corrupt: 1, Attempts: 2, Failures: 1}) {
		t.Errorf("one has settled %+v", got)
	}
	for c, from := range map[*Cursor]int{one: goldenSettled, two: 0} {
		n := from
		settleAll(c, 7, func(e Entry) {
			at, level, data := goldenRecord(n/goldenRecords, n%goldenRecords)
			if e.Seq != uint64(n%goldenRecords) || !e.Time.Equal(at) || e.Level != level || string(e.Data) != string(data) {
				t.Fatalf("record %d is %+v", n, e)
			}
			n++
		})
		if n != 2*goldenRecords {
			t.Errorf("records up to %d", n)
		}
	}
}

// writeGolden makes the golden journal.
func writeGolden(t *testing.T, dir string) {
	from := filepath.Join(t.TempDir(), "journal")
	gone := openDir(t, from, 64)
	gone.Append(time.Now(), slog.LevelInfo, []byte("settled"))
	gone.NewCursor(CursorConfig{Key: "one"}).Ack(1, Tally{Filtered: 1})
	gone.Close()
	for life := range 2 {
		j := openDir(t, from, 64)
		c := j.NewCursor(CursorConfig{Key: "one"})
		for n := range goldenRecords {
			at, level, data := goldenRecord(life, n)
			if err := j.Append(at, level, data); err != nil {
				t.Fatal(err)
			}
		}
		if life == 0 {
			c.Ack(1+goldenSettled, Tally{Delivered: goldenSettled - 1, Corrupt: 1, Attempts: 2, Failures: 1})
		}
		if life == 0 {
			j.Ready() // gone's tally is carried, and gone is removed
		} // else the earlier life stays as it is
		j.Close()
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func nativeIsLittle() bool {
	page := make([]byte, frame.Page)
	h := frame.SegmentHeader{Lap: 1, SegmentBytes: 4096}
	h.Put(page, 0)
	return hex.EncodeToString(page[8:12]) == "01000000"
}
