package journal

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

func TestCursorIsWokenWhenItsMarkIsReachedAndNotBefore(t *testing.T) {
	const frame = 40 // of a payload of one byte
	for _, tt := range []struct {
		name           string
		records, bytes int
		wakesAt        int // records appended; 0: never within 20
	}{
		{"one record", 1, 0, 1},
		{"ten records", 10, 0, 10},
		{"bytes exactly", 0, 3 * frame, 3},
		{"a byte more", 0, 3*frame + 1, 4},
		{"records first", 2, 3 * frame, 2},
		{"bytes first", 10, 3 * frame, 3},
		{"neither", 0, 0, 0},
		{"too many", 100, 1 << 20, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal(t, 2, 4096)
				wake := make(chan struct{}, 1)
				c := j.NewCursor(CursorConfig{Wake: wake})
				appendN(t, j, 7, 1)
				readAll(c)
				if !c.Arm(tt.records, tt.bytes) {
					t.Fatal("Arm finds something to read where there is nothing")
				}
				for i := 1; i <= 20; i++ {
					appendN(t, j, 1, 1)
					synctest.Wait()
					if (len(wake) == 1) != (tt.wakesAt > 0 && i >= tt.wakesAt) {
						t.Fatalf("after %d records: %d wake-ups", i, len(wake))
					}
				}
				if p := c.Position(); p.UnreadBytes != 20*frame {
					t.Errorf("%+v", p)
				}
			})
		})
	}
}

func TestArmReportsWhatIsThereAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake})
		appendN(t, j, 3, 1)
		for _, tt := range []struct {
			records, bytes int
			armed          bool
		}{{1, 0, false}, {3, 0, false}, {4, 0, true}, {0, 120, false}, {0, 121, true}, {4, 120, false}} {
			if got := c.Arm(tt.records, tt.bytes); got != tt.armed {
				t.Errorf("Arm(%d, %d) is %t", tt.records, tt.bytes, got)
			}
		}
		// The last Arm did not arm and replaced those that did.
		appendN(t, j, 10, 1)
		synctest.Wait()
		if len(wake) > 0 {
			t.Error("woken without being armed")
		}
	})
}

func TestCursorIsWokenOnceForAnArm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake})
		c.Arm(1, 0)
		appendN(t, j, 1, 1)
		<-wake
		appendN(t, j, 5, 1)
		synctest.Wait()
		if len(wake) > 0 {
			t.Error("woken again without another Arm")
		}
	})
}

func TestLastAppendBeforeCloseWakes(t *testing.T) {
	for range 200 {
		j := openMemory(Config{MaxBytes: 8192, SegmentBytes: 4096})
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake})
		c.Arm(1, 0)
		mustAppend(t, j, "a")
		j.Close()
		if len(wake) != 1 {
			t.Fatal("not woken")
		}
	}
}

// A delivery that outlives Close asks a cursor whose segments are gone.
func TestClosedJournalInFilesHasNothingToRead(t *testing.T) {
	j := openDir(t, t.TempDir(), 4)
	c := j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	mustAppend(t, j, "x")
	j.Close()
	if !c.Arm(1, 0) {
		t.Error("there is something to read")
	}
}

// A wake-up that is lost leaves its bubble deadlocked, which synctest reports.
func TestNoWakeUpIsLost(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hammerWakeUps(t, seed) })
		})
	}
}

func hammerWakeUps(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	writers, cursors, each := 1+rng.IntN(8), 1+rng.IntN(4), 300
	total := writers * each
	j := newJournal(t, 2+rng.IntN(3), 4096)
	done := make(chan struct{})
	for range cursors {
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake, Block: true})
		rng := rand.New(rand.NewPCG(seed, rng.Uint64()))
		go func() {
			defer func() { done <- struct{}{} }()
			var b Batch
			for left := total; left > 0; {
				_, more := c.Read(&b, ReadLimits{Records: 1 + rng.IntN(20)})
				left -= b.Len()
				if left > 0 && !more && c.Arm(1+rng.IntN(min(left, 50)), 0) {
					<-wake
				}
			}
		}()
	}
	for range writers {
		rng := rand.New(rand.NewPCG(seed, rng.Uint64()))
		go func() {
			for range each {
				if rng.IntN(10) == 0 {
					time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
				}
				if err := j.Append(time.Time{}, slog.LevelInfo, make([]byte, rng.IntN(100))); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range cursors {
		<-done
	}
}

// Every append is the last one until it has been read by all: no later one
// makes up for a wake-up that is lost.
func TestNoWakeUpOfALastAppendIsLost(t *testing.T) {
	rounds := 20_000
	if testing.Short() || raceEnabled {
		rounds = 3000
	}
	const writers, cursors = 2, 3
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 4, 4096)
		total := writers * rounds
		read := make([]chan uint64, writers) // a cursor has read a record of this writer
		for i := range read {
			read[i] = make(chan uint64, cursors)
		}
		for range cursors {
			wake := make(chan struct{}, 1)
			c := j.NewCursor(CursorConfig{Wake: wake, Block: true})
			go func() {
				var b Batch
				for left := total; left > 0; {
					c.Read(&b, ReadLimits{})
					left -= b.Len()
					for e := range b.All() {
						read[e.Data[0]] <- e.Seq
					}
					if left > 0 && b.Len() == 0 && c.Arm(1, 0) {
						<-wake
					}
				}
			}()
		}
		start := time.Now()
		done := make(chan struct{})
		for i := range writers {
			go func() {
				for range rounds {
					if err := j.Append(time.Time{}, slog.LevelInfo, []byte{byte(i)}); err != nil {
						t.Error(err)
					}
					for range cursors {
						<-read[i]
					}
				}
				done <- struct{}{}
			}()
		}
		for range writers {
			<-done
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("it took %v of idle time", d)
		}
	})
}

func TestSpareIsReadyBeforeItIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const segments = 5
		j := newJournal(t, segments, 4096)
		for n := 1; n <= segments; n++ {
			appendN(t, j, 1, j.MaxPayload()/2)
			synctest.Wait()
			if got, want := j.Bytes(), int64(min(n+1, segments)*4096); got != want {
				t.Errorf("%d bytes with %d segments half full, want %d", got, n, want)
			}
			appendN(t, j, 1, j.MaxPayload()/2-frame.Header) // the rest
		}
	})
}
