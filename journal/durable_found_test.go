package journal

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

func TestBacklogIsNoYoungerThanWhoFindsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 10, "sink")
		paths, _ := filepath.Glob(filepath.Join(dir, "*", "00000000.segment"))
		page, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		h, err := frame.ReadHeader(page)
		if err != nil {
			t.Fatal(err)
		}
		h.Installed += int64(time.Hour) // and then the clock was set back
		h.Put(page, 0)
		h.Put(page, 1)
		if err := os.WriteFile(paths[0], page, 0o600); err != nil {
			t.Fatal(err)
		}
		j := openNext(t, dir, 64)
		if at := j.AppendedAt(0); at.After(time.Now()) {
			t.Errorf("appended at %v, which is to come", at)
		}
	})
}

func TestFlippedBitOfAVersionIsDamageAndNoNewVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := damagedLife(t, func(_ string, data []byte) []byte {
			data[8] ^= 2
			data[512+8] ^= 2
			return data
		})
		j := openNext(t, dir, 64)
		checkAll(t, j.NewCursor(CursorConfig{Key: "a"}), 0, 5*perSegment)
	})
}

func TestAppendThatAKillInterruptsIsNotSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := damagedLife(t, func(_ string, data []byte) []byte {
			at := frameOf(perSegment - 1)
			data[at] = data[at]&^3 | byte(frame.Reserved)
			clear(data[at+8 : at+16])
			clear(data[at+frame.Header : frameOf(perSegment)])
			return data
		})
		j := openNext(t, dir, 64)
		c := j.NewCursor(CursorConfig{Key: "a"})
		settleAll(c, 7, func(Entry) {})
		if p := c.Position(); p.Corrupt != 1 || p.Unread > 0 {
			t.Errorf("%+v", p)
		}
		checkAside(t, dir, false)
	})
}
