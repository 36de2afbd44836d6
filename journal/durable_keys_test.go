package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// withCursor opens a life of dir with one cursor, and ends it after f.
func withCursor(t *testing.T, dir string, cfg CursorConfig, f func(j *Journal, c *Cursor)) {
	t.Helper()
	j := openNext(t, dir, 64)
	defer j.Close()
	c := j.NewCursor(cfg)
	j.Ready()
	f(j, c)
}

// expectUnread checks that c has n records to read, and that they are those from from on.
func expectUnread(t *testing.T, c *Cursor, from, n int) {
	t.Helper()
	all := readAll(c)
	if len(all) != n {
		t.Errorf("%d records to read, want %d", len(all), n)
	}
	for i, e := range all {
		if string(e.Data) != string(numbered(from+i)) {
			t.Fatalf("record %d is %q", from+i, e.Data)
		}
	}
}

func TestNewSinkBeginsAtTheOldestRecordOrAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 40, "other")
		leave(t, dir, 40, 100, "other")
		withCursor(t, image(t, dir), CursorConfig{Key: "new"}, func(j *Journal, c *Cursor) {
			expectUnread(t, c, 0, 100)
		})
		withCursor(t, image(t, dir), CursorConfig{Key: "other", FromEnd: true}, func(j *Journal, c *Cursor) {
			expectUnread(t, c, 0, 100) // it is not new
		})
		j := openNext(t, dir, 64)
		c := j.NewCursor(CursorConfig{Key: "new", FromEnd: true})
		other := j.NewCursor(CursorConfig{Key: "other"})
		j.Ready()
		numberedRecords(t, j, 100, 110)
		if p := c.Position(); p.Passed != 0 || p.Unread != 10 || p.Lost > 0 {
			t.Errorf("%+v", p)
		}
		for _, e := range readAll(j.NewCursor(CursorConfig{Key: "third"})) {
			if own := e.Journal == j.ID(); c.Owes(e.Journal, e.Seq) != own || !other.Owes(e.Journal, e.Seq) {
				t.Errorf("of %s, appended here %t, the new cursor owes %t, the other %t", e.Data, own, c.Owes(e.Journal, e.Seq), other.Owes(e.Journal, e.Seq))
			}
		}
		if other.Owes([16]byte{1}, 1000) {
			t.Error("a cursor owes a record of a life that is not there")
		}
		for _, fromEnd := range []bool{false, true} {
			withCursor(t, image(t, dir), CursorConfig{Key: "new", FromEnd: fromEnd}, func(j *Journal, c *Cursor) {
				expectUnread(t, c, 100, 10) // as it has settled nothing
			})
		}
		expectUnread(t, c, 100, 10)
		c.Ack(110, Tally{Delivered: 10})
		expectUnread(t, other, 0, 110)
		other.Ack(110, Tally{Delivered: 110})
		j.Close()

		j = openNext(t, dir, 64)
		for key, n := range map[string]uint64{"new": 10, "other": 110} {
			if s := j.NewCursor(CursorConfig{Key: key}).Settled(); s != (Tally{Delivered: n}) {
				t.Errorf("%s: %+v", key, s)
			}
		}
	})
}

func TestSinkThatReturnsGoesOnWhereItStood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		withCursor(t, dir, CursorConfig{Key: "a"}, func(j *Journal, c *Cursor) {
			numberedRecords(t, j, 0, 50)
			readAll(c)
			c.Ack(20, Tally{Delivered: 19, Filtered: 1})
		})
		withCursor(t, dir, CursorConfig{Key: "b"}, func(j *Journal, c *Cursor) {
			numberedRecords(t, j, 50, 80)
			expectUnread(t, c, 0, 80) // and settles none of it, so it all stays
		})
		withCursor(t, dir, CursorConfig{Key: "a"}, func(j *Journal, c *Cursor) {
			if s := c.Settled(); s != (Tally{Delivered: 19, Filtered: 1}) {
				t.Errorf("%+v", s)
			}
			expectUnread(t, c, 20, 60)
		})
	})
}

func TestWhatASinkThatIsGoneHadLeftIsCountedAsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openNext(t, dir, 64)
		gone, stays := j.NewCursor(CursorConfig{Key: "gone"}), j.NewCursor(CursorConfig{Key: "stays"})
		j.Ready()
		numberedRecords(t, j, 0, 50)
		gone.Ack(20, Tally{Delivered: 20})
		stays.Ack(10, Tally{Delivered: 10})
		j.Close()
		withCursor(t, dir, CursorConfig{Key: "stays"}, func(j *Journal, c *Cursor) {
			expectUnread(t, c, 10, 40)
			c.Ack(50, Tally{Delivered: 40})
			synctest.Wait()
			if h := j.Health(); h.Lives != 0 {
				t.Errorf("the first life is held back by a sink that nobody asks for: %+v", h)
			}
		})
		withCursor(t, dir, CursorConfig{Key: "gone"}, func(j *Journal, c *Cursor) {
			if s := c.Settled(); s != (Tally{Delivered: 20, Gone: 30}) {
				t.Errorf("%+v", s)
			}
			if p := c.Position(); p.Unread > 0 {
				t.Errorf("%+v", p)
			}
		})
	})
}

func TestStandbyHoldsNothingBackAndKeepsItsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		var want Tally
		for life := range 4 {
			j := openNext(t, dir, 8)
			standby := j.NewCursor(CursorConfig{Key: "standby", Standby: true, Block: true})
			sink := settler{c: j.NewCursor(CursorConfig{Key: "sink"})}
			j.Ready()
			if s := standby.Settled(); s != want {
				t.Errorf("life %d finds %+v, want %+v", life, s, want)
			}
			for i := range 30 { // more than fits
				for n := range perSegment {
					appendNumbered(t, j, i*perSegment+n)
				}
				readAll(sink.c)
				sink.c.Ack(sink.c.Position().Next, Tally{Delivered: perSegment})
				synctest.Wait()
				if err := standby.Ack(0, Tally{In: 2, Delivered: 1, Quarantined: 1}); err != nil {
					t.Error(err)
				}
				want.Add(Tally{In: 2, Delivered: 1, Quarantined: 1})
			}
			if p := sink.c.Position(); p.Lost > 0 {
				t.Errorf("life %d: %+v", life, p)
			}
			if life%2 == 0 {
				dir = image(t, dir)
			}
			j.Close()
		}
	})
}

func TestDamagedCursorFileCostsDuplicatesAndItsCountsOnly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func([]byte) []byte
		from   int // the record that the sink goes on with
		kept   bool
	}{
		{"empty", func(b []byte) []byte { return nil }, 0, true},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }, 0, true},
		{"header", func(b []byte) []byte { b[20]++; return b }, 0, true},
		{"both slots", func(b []byte) []byte { b[1024+8]++; b[2048+8]++; return b }, 0, true},
		{"cut in the first slot", func(b []byte) []byte { return b[:1030] }, 0, true},
		{"newest slot", func(b []byte) []byte { b[2048+8]++; return b }, 20, false},
		{"older slot", func(b []byte) []byte { b[1024+8]++; return b }, 30, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "journal")
				var id string
				withCursor(t, dir, CursorConfig{Key: "sink"}, func(j *Journal, c *Cursor) {
					id = filepath.Base(j.store.life.Dir)
					numberedRecords(t, j, 0, 50)
					// Slots are written in turn: this makes the second one the newest.
					c.Ack(10, Tally{Delivered: 10})
					c.Ack(20, Tally{Delivered: 10})
					c.Ack(30, Tally{Delivered: 10})
				})
				path := filepath.Join(dir, id, "sink.cursor")
				page, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if newestSlot(page) == 0 { // then the other way round
					swap := page[1024:2048]
					copied := append([]byte(nil), swap...)
					copy(swap, page[2048:3072])
					copy(page[2048:3072], copied)
				}
				if err := os.WriteFile(path, tt.damage(page), 0o600); err != nil {
					t.Fatal(err)
				}
				withCursor(t, dir, CursorConfig{Key: "sink"}, func(j *Journal, c *Cursor) {
					if s := c.Settled(); s != (Tally{Delivered: uint64(tt.from)}) {
						t.Errorf("%+v", s)
					}
					expectUnread(t, c, tt.from, 50-tt.from)
					if h := j.Health(); !h.OnDisk || tt.kept != strings.Contains(strings.Join(h.Problems, ";"), "sink.cursor") {
						t.Errorf("%+v", h)
					}
					c.Ack(40, Tally{Delivered: uint64(40 - tt.from)})
				})
				if _, err := os.Stat(path + ".damaged"); (err == nil) != tt.kept {
					t.Errorf("the damaged file: %v", err)
				}
				withCursor(t, dir, CursorConfig{Key: "sink"}, func(j *Journal, c *Cursor) {
					if s := c.Settled(); s != (Tally{Delivered: 40}) {
						t.Errorf("%+v", s)
					}
					expectUnread(t, c, 40, 10)
				})
			})
		})
	}
}

// newestSlot returns which slot of a cursor file has the higher generation.
func newestSlot(page []byte) int {
	if string(page[1024:1032]) > string(page[2048:2056]) { // they are below 256
		return 0
	}
	return 1
}
