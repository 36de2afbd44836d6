package journal

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// perSegment is how many records of numbered fit into a segment of openDir.
const perSegment = (4 << 10) / (frame.Header + 112)

// numberedRecords appends the records from to to, and lets the disk keep up.
func numberedRecords(t testing.TB, j *Journal, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		appendNumbered(t, j, n)
		synctest.Wait()
	}
}

func appendNumbered(t testing.TB, j *Journal, n int) {
	t.Helper()
	if err := j.Append(time.Unix(int64(n), 0), slog.LevelInfo, numbered(n)); err != nil {
		t.Error(err)
	}
}

// settler settles what a cursor reads and keeps account of it, as a sink does.
type settler struct {
	c    *Cursor
	told Position // what the tallies contain
}

// all settles what there is to read, of records that are numbered from 0 in the
// order of positions.
func (s *settler) all(t testing.TB) {
	t.Helper()
	var b Batch
	for !s.c.Arm(1, 0) {
		s.c.Read(&b, ReadLimits{Records: 10})
		p := s.c.Position()
		next := int(p.Next) - b.Len()
		for e := range b.All() {
			if string(e.Data) != string(numbered(next)) {
				t.Fatalf("record %d is %q", next, e.Data)
			}
			next++
		}
		tally := Tally{Delivered: uint64(b.Len()), Overflow: p.Lost - s.told.Lost, Corrupt: p.Corrupt - s.told.Corrupt}
		if err := s.c.Ack(p.Next, tally); err != nil {
			t.Error(err)
		}
		s.told = p
	}
}

// openNext is openDir at a later moment of the bubble's clock: lives are in the order
// in which they began.
func openNext(t testing.TB, dir string, segments int) *Journal {
	t.Helper()
	time.Sleep(time.Nanosecond)
	return openDir(t, dir, segments)
}

// leave makes a life in dir with the records from to to and cursors of these keys,
// which have settled nothing, and ends it.
func leave(t testing.TB, dir string, from, to int, keys ...string) {
	t.Helper()
	j := openNext(t, dir, 64)
	for _, key := range keys {
		j.NewCursor(CursorConfig{Key: key})
	}
	j.Ready()
	numberedRecords(t, j, from, to)
	j.Close()
}

// segmentBytes returns the room that the segments in all lives take, header pages
// aside.
func segmentBytes(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".segment") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size() - frame.Page
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLimitHoldsOverAllLivesAndEvictsTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		const left, limit, total = 6, 16, 60
		leave(t, dir, 0, 3*perSegment, "reads", "stands")
		leave(t, dir, 3*perSegment, left*perSegment, "reads", "stands")
		j := openNext(t, dir, limit)
		reads := settler{c: j.NewCursor(CursorConfig{Key: "reads"})}
		stands := settler{c: j.NewCursor(CursorConfig{Key: "stands"})}
		j.Ready()
		for n := left * perSegment; n < total*perSegment; n += perSegment {
			numberedRecords(t, j, n, n+perSegment)
			// The last file of an earlier life goes with its directory.
			if got := segmentBytes(t, dir); got > (limit+2)<<12 {
				t.Fatalf("%d records: %d bytes of %d", n, got, limit<<12)
			}
			if n >= 30*perSegment { // until then it stands as well
				reads.all(t)
			}
		}
		r, s := reads.c.Position(), stands.c.Position()
		if r.Passed != total*perSegment || r.Unread > 0 || r.Lost < 10*perSegment || r.Lost > s.Lost {
			t.Errorf("reads: %+v", r)
		}
		if s.Passed+s.Unread != total*perSegment || s.Lost != s.Passed || s.Unread < 10*perSegment {
			t.Errorf("stands: %+v", s)
		}
		stands.all(t)
		j.Close()

		j = openNext(t, dir, limit)
		for key, lost := range map[string]uint64{"reads": r.Lost, "stands": s.Lost} {
			c := j.NewCursor(CursorConfig{Key: key})
			want := Tally{Delivered: total*perSegment - lost, Overflow: lost}
			if s, p := c.Settled(), c.Position(); s != want || p.Unread > 0 {
				t.Errorf("the next life finds %+v of %s, want %+v; %+v", s, key, want, p)
			}
		}
	})
}

// settleFrom settles what there is, which is to be the records from next on, and
// returns the one that is to come.
func settleFrom(t testing.TB, c *Cursor, next int) int {
	t.Helper()
	settleAll(c, 10, func(e Entry) {
		if string(e.Data) != string(numbered(next)) {
			t.Fatalf("record %d is %q", next, e.Data)
		}
		next++
	})
	return next
}

func TestEvictionTakesNoMoreThanItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 20*perSegment, "sink")
		j := openNext(t, dir, 48) // a file of an earlier life counts with its header page, and so twice
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		for n := 20; c.Position().Lost == 0; n++ {
			numberedRecords(t, j, n*perSegment, (n+1)*perSegment)
			if n == 60 {
				t.Fatal("nothing is evicted")
			}
		}
		if p := c.Position(); p.Lost > 2*perSegment {
			t.Errorf("%d records are lost at once: %+v", p.Lost, p)
		}
	})
}

func TestLossesThatANextLifeFindsAreCountedThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openNext(t, dir, 4)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		numberedRecords(t, j, 0, 10*perSegment)
		lost := c.Position().Lost // which nobody acknowledges
		dir = image(t, dir)
		j = openNext(t, dir, 64)
		c = j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		if p := c.Position(); lost == 0 || p.Unread != 10*perSegment-lost {
			t.Errorf("%d were lost; %+v", lost, p)
		}
		if s := c.Settled(); s != (Tally{Overflow: lost}) {
			t.Errorf("settled: %+v, want %d lost", s, lost)
		}
		settleFrom(t, c, int(lost))
	})
}

func TestWhatIsReadIsGivenAgainUntilItIsAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openNext(t, dir, 64)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		const n = 10 * perSegment
		numberedRecords(t, j, 0, n)
		for at, all := 0, readAll(c); at < len(all); at += 37 {
			if err := c.Ack(uint64(at), Tally{Delivered: 37}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the custodian lets go of what is passed, or not
			later := openNext(t, image(t, dir), 64)
			c := later.NewCursor(CursorConfig{Key: "sink"})
			later.Ready()
			if next := settleFrom(t, c, at); next != n {
				t.Errorf("acknowledged up to %d: the next life has the records up to %d", at, next)
			}
			if p := c.Position(); p.Lost+p.Corrupt > 0 {
				t.Errorf("%+v", p)
			}
			later.Close()
		}
		numberedRecords(t, j, n, 60*perSegment)
		if used := segmentBytes(t, dir); used > 64<<12 {
			t.Errorf("%d bytes", used)
		}
	})
}

func TestAcknowledgedSegmentsAreUsedAgainAndReadOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openNext(t, dir, 64)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		numberedRecords(t, j, 0, 10*perSegment)
		readAll(c)
		numberedRecords(t, j, 10*perSegment, 20*perSegment)
		if got := segmentBytes(t, dir); got < 20<<12 {
			t.Errorf("%d bytes of 20 segments are there, and nothing is acknowledged", got)
		}
		settleAll(c, 10, func(Entry) {})
		before := segmentBytes(t, dir)
		numberedRecords(t, j, 20*perSegment, 38*perSegment)
		if got := segmentBytes(t, dir); got > before {
			t.Errorf("%d bytes have become %d, though what was there is acknowledged", before, got)
		}
	})
}

func TestFullJournalWaitsForTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openNext(t, dir, 4)
		c := j.NewCursor(CursorConfig{Key: "sink", Block: true})
		j.Ready()
		n, appended := 0, make(chan struct{})
		go func() {
			defer close(appended)
			for n := range 20 * perSegment {
				appendNumbered(t, j, n)
			}
		}()
		for {
			time.Sleep(time.Minute)
			was := c.Position().End
			all := readAll(c)
			c.SetBlocking(true) // has the append look again
			time.Sleep(time.Minute)
			if end := c.Position().End; end != was {
				t.Errorf("reading alone made the log go on from %d to %d", was, end)
			}
			n += len(all)
			c.Ack(c.Position().Next, Tally{Delivered: uint64(len(all))})
			synctest.Wait()
			if len(all) == 0 {
				break
			}
		}
		<-appended
		if p := c.Position(); n != 20*perSegment || p.Lost > 0 {
			t.Errorf("%d records; %+v", n, p)
		}
	})
}

func TestEarlierRecordsAreAsOldAsTheirSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		var began []time.Time // of the segments, which are a minute each
		j := openNext(t, dir, 64)
		for n := range 3 {
			began = append(began, time.Now())
			numberedRecords(t, j, n*perSegment, (n+1)*perSegment)
			time.Sleep(time.Minute)
		}
		j.Close()
		time.Sleep(time.Hour)
		j = openNext(t, dir, 64)
		numberedRecords(t, j, 3*perSegment, 4*perSegment)
		began = append(began, time.Now())
		for seq := range uint64(4 * perSegment) {
			want := began[seq/perSegment]
			// A segment begins with its first record.
			if got := j.AppendedAt(seq); !got.Equal(want) {
				t.Errorf("record %d was appended at %v, want %v", seq, got, want)
			}
		}
	})
}

func TestLivesKeepTheirOrderWhenTheClockIsSetBack(t *testing.T) {
	for _, runs := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "journal")
		appendTo := func(j *Journal, n int) {
			j.NewCursor(CursorConfig{Key: "sink"})
			j.Ready()
			appendNumbered(t, j, n)
		}
		first := openDir(t, dir, 64)
		appendTo(first, 0)
		if !runs {
			first.Close()
		}
		synctest.Test(t, func(t *testing.T) { // where it is the year 2000
			if !time.Now().Before(first.store.created) {
				t.Fatal("the clock was not set back")
			}
			second := openDir(t, dir, 64)
			appendTo(second, 1)
			second.Close()
		})
		first.Close()
		third := openDir(t, dir, 64)
		c := third.NewCursor(CursorConfig{Key: "sink"})
		third.Ready()
		checkAll(t, c, 0, 2)
	}
}

func TestCursorThatBeginsAtTheEndHoldsNoFilesOfEarlierLives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	for n := range 5 {
		j := openDir(t, dir, 64)
		j.NewCursor(CursorConfig{Key: "other"})
		j.Ready()
		appendNumbered(t, j, n)
		j.Close()
	}
	j := openDir(t, dir, 64)
	j.NewCursor(CursorConfig{Key: "sink", FromEnd: true})
	open, _ := left(t, dir)
	for _, path := range open {
		if strings.HasSuffix(path, ".cursor") && !strings.Contains(path, j.ownLife().Dir) {
			t.Errorf("%s is open", path)
		}
	}
}
