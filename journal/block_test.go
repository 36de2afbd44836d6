package journal

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// The journals below hold records of MaxPayload, so that each is a segment and
// a journal of three segments holds three.

// timed appends a record that fills a segment and returns how long it waited.
func timed(t *testing.T, j *Journal) time.Duration {
	t.Helper()
	start := time.Now()
	if err := j.Append(time.Time{}, slog.LevelInfo, make([]byte, j.MaxPayload())); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

func expectWait(t *testing.T, j *Journal, want time.Duration, why string) {
	t.Helper()
	if got := timed(t, j); got != want {
		t.Errorf("an append waited %v, want %v: %s", got, want, why)
	}
}

// read1 reads one record and returns its sequence.
func read1(t *testing.T, c *Cursor) uint64 {
	t.Helper()
	var b Batch
	c.Read(&b, ReadLimits{Records: 1})
	if b.Len() != 1 {
		t.Fatal("nothing to read")
	}
	return b.At(0).Seq
}

func TestEachLaggingCursorIsWaitedForAsLongAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		a := j.NewCursor(CursorConfig{Block: true, BlockTimeout: 100 * time.Millisecond})
		b := j.NewCursor(CursorConfig{Block: true, BlockTimeout: 300 * time.Millisecond})
		drop := j.NewCursor(CursorConfig{})
		for range 3 {
			expectWait(t, j, 0, "there is room")
		}
		time.AfterFunc(200*time.Millisecond, func() {
			for _, c := range []*Cursor{a, b, drop} {
				if p := c.Position(); p.Lost != 0 || p.End != 3 {
					t.Errorf("after 200ms: %+v", p)
				}
			}
		})
		expectWait(t, j, 300*time.Millisecond, "b asks for that")
		expectWait(t, j, 0, "both have been waited for in vain")

		// b frees a segment and is protected again; a is not.
		if seq := read1(t, b); seq != 2 {
			t.Errorf("b read %d, want 2", seq)
		}
		expectWait(t, j, 0, "b has read what is evicted")
		expectWait(t, j, 300*time.Millisecond, "b is protected again")
		expectWait(t, j, 0, "b is exhausted again")

		for name, c := range map[string]*Cursor{"a": a, "drop": drop} {
			if p := c.Position(); p.Lost != 5 || p.Next != 5 {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if p := b.Position(); p.Lost != 4 || p.Next != 5 {
			t.Errorf("b: %+v", p)
		}
	})
}

func TestExhaustedCursorDoesNotShortenAnothersProtection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		a := j.NewCursor(CursorConfig{Block: true, BlockTimeout: 100 * time.Millisecond})
		b := j.NewCursor(CursorConfig{Block: true})
		appendN(t, j, 3, j.MaxPayload())
		for i := range 5 {
			time.AfterFunc(time.Hour, func() {
				if seq := read1(t, b); seq != uint64(i) {
					t.Errorf("b read %d, want %d", seq, i)
				}
			})
			expectWait(t, j, time.Hour, "b is waited for forever")
			if p := a.Position(); p.Lost != uint64(i+1) {
				t.Errorf("a: %+v", p)
			}
		}
		if p := b.Position(); p.Lost != 0 {
			t.Errorf("b: %+v", p)
		}
	})
}

func TestRecordsReadInTimeAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		c := j.NewCursor(CursorConfig{Block: true, BlockTimeout: 100 * time.Millisecond})
		go func() {
			for i := range 50 {
				time.Sleep(99 * time.Millisecond)
				if seq := read1(t, c); seq != uint64(i) {
					t.Errorf("read %d, want %d", seq, i)
				}
			}
		}()
		for range 50 {
			timed(t, j)
		}
		time.Sleep(time.Minute)
		if p := c.Position(); p.Lost != 0 || p.Next != 50 {
			t.Errorf("%+v", p)
		}
	})
}

func TestCaughtUpCursorIsProtectedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		c := j.NewCursor(CursorConfig{Block: true, BlockTimeout: 100 * time.Millisecond})
		appendN(t, j, 3, j.MaxPayload())
		expectWait(t, j, 100*time.Millisecond, "c lags")
		readAll(c) // to the end of the active segment, which is not yet sealed
		appendN(t, j, 3, j.MaxPayload())
		expectWait(t, j, 100*time.Millisecond, "c had read everything")
	})
}

func TestWhatReleasesAnAppendThatWaitsForever(t *testing.T) {
	for _, tt := range []struct {
		name    string
		release func(j *Journal, c *Cursor)
		want    error
		lost    uint64
	}{
		{"reading past a segment", func(j *Journal, c *Cursor) { c.Read(new(Batch), ReadLimits{Records: 1}) }, nil, 0},
		{"SetBlocking(false)", func(j *Journal, c *Cursor) { c.SetBlocking(false) }, nil, 1},
		{"Seal", func(j *Journal, c *Cursor) { j.Seal() }, ErrClosed, 0},
		{"Close", func(j *Journal, c *Cursor) { j.Close() }, ErrClosed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal(t, 3, 4096)
				c := j.NewCursor(CursorConfig{Block: true})
				appendN(t, j, 3, j.MaxPayload())
				start := time.Now()
				result := make(chan error)
				go func() { result <- j.Append(time.Time{}, 0, make([]byte, j.MaxPayload())) }()
				time.Sleep(24 * time.Hour)
				tt.release(j, c)
				if err := <-result; !errors.Is(err, tt.want) {
					t.Errorf("the append returned %v, want %v", err, tt.want)
				}
				if d := time.Since(start); d != 24*time.Hour {
					t.Errorf("it returned after %v", d)
				}
				if p := c.Position(); p.Lost != tt.lost {
					t.Errorf("%+v", p)
				}
			})
		})
	}
}

func TestBlockingIsOffUntilItIsSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		c := j.NewCursor(CursorConfig{Block: true, BlockTimeout: time.Second})
		drop := j.NewCursor(CursorConfig{BlockTimeout: time.Second})
		drop.SetBlocking(true) // made without Block
		c.SetBlocking(false)
		for range 10 {
			expectWait(t, j, 0, "blocking is off")
		}
		c.SetBlocking(true)
		expectWait(t, j, time.Second, "blocking is on")
	})
}

func TestFullJournalWakesCursorsThatLinger(t *testing.T) {
	for _, tt := range []struct {
		name string
		arm  func(c *Cursor) bool
	}{
		{"for records", func(c *Cursor) bool { return c.Arm(1000, 0) }},
		{"for bytes", func(c *Cursor) bool { return c.Arm(0, 1<<20) }},
		{"for both", func(c *Cursor) bool { return c.Arm(1000, 1<<20) }},
		{"for ever", func(c *Cursor) bool { return c.Arm(0, 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const total = 50
				j := newJournal(t, 3, 4096)
				wake := make(chan struct{}, 1)
				c := j.NewCursor(CursorConfig{Block: true, Wake: wake})
				appended := make(chan struct{})
				go func() {
					appendN(t, j, total, j.MaxPayload())
					close(appended)
				}()
				n := 0
				for open := true; open; {
					n += len(readAll(c))
					if tt.arm(c) {
						select { // or the bubble is deadlocked
						case <-wake:
						case <-appended:
							open = false
						}
					}
				}
				if n += len(readAll(c)); n != total {
					t.Errorf("read %d of %d", n, total)
				}
			})
		})
	}
}

func TestArmSaysWhatIsThereWhileAnAppendWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 3, 4096)
		slow := j.NewCursor(CursorConfig{Block: true})
		c := j.NewCursor(CursorConfig{Block: true, Wake: make(chan struct{}, 1)})
		appendN(t, j, 3, j.MaxPayload())
		appended := make(chan struct{})
		go func() {
			appendN(t, j, 1, j.MaxPayload())
			close(appended)
		}()
		synctest.Wait()
		if c.Arm(1000, 0) {
			t.Error("Arm lingers in a full journal although there is something to read")
		}
		readAll(c)
		if !c.Arm(1000, 0) {
			t.Error("Arm finds something to read where there is nothing")
		}
		readAll(slow)
		<-appended
	})
}
