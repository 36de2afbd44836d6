package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// signed returns a payload of at least 16 bytes that says who has appended it,
// as which of its records, and whether it is whole.
func signed(b []byte, producer, n, size int) []byte {
	b = b[:max(size, 16)]
	binary.LittleEndian.PutUint32(b[4:], uint32(producer))
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	for i := 16; i < len(b); i++ {
		b[i] = byte(i * n)
	}
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

func verify(b []byte) (producer, n int, err error) {
	if len(b) < 16 || binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return 0, 0, errors.New("torn")
	}
	return int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint64(b[8:])), nil
}

func TestEveryCursorReadsTheSameRecordsInTheSameOrder(t *testing.T) {
	const producers, cursors = 64, 8
	each := 2000
	if testing.Short() || raceEnabled {
		each = 200
	}
	j := newJournal(t, 8, 16<<10)
	hashes := make([]maphash.Hash, cursors)
	seed := maphash.MakeSeed()
	var readers, writers sync.WaitGroup
	for i := range hashes {
		h := &hashes[i]
		h.SetSeed(seed)
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake, Block: true})
		readers.Go(func() { readInOrder(t, c, wake, h, producers*each) })
	}
	for p := range producers {
		writers.Go(func() {
			buf := make([]byte, 1000)
			for n := range each {
				if err := j.Append(time.Time{}, slog.LevelInfo, signed(buf, p, n, (p*n)%300)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	readers.Wait()
	for i := range hashes {
		if hashes[i].Sum64() != hashes[0].Sum64() {
			t.Errorf("cursors 0 and %d have not read the same", i)
		}
	}
	if end := j.End(); end != uint64(producers*each) {
		t.Errorf("End is %d", end)
	}
}

// readInOrder reads total records and checks that each producer's are all there
// and in order.
func readInOrder(t *testing.T, c *Cursor, wake <-chan struct{}, h *maphash.Hash, total int) {
	next := map[int]int{}
	var b Batch
	for left := total; left > 0; {
		_, more := c.Read(&b, ReadLimits{Records: 100})
		for e := range b.All() {
			producer, n, err := verify(e.Data)
			if err != nil || next[producer] != n {
				t.Errorf("record %d: %v; producer %d, its record %d, want %d", e.Seq, err, producer, n, next[producer])
				c.detach()
				return
			}
			next[producer]++
			fmt.Fprint(h, e.Seq)
			h.Write(e.Data)
		}
		left -= b.Len()
		if left > 0 && !more && c.Arm(min(left, 100), 0) {
			<-wake
		}
	}
	if p := c.Position(); p.Lost != 0 || p.Next != uint64(total) {
		t.Errorf("%+v", p)
	}
}

// Goroutines append, read, skip, detach and switch blocking as the scheduler
// has it. What is checked needs no model: whatever is read is whole, in order
// and once, and each cursor's account closes.
func TestAccountsCloseWhateverTheSchedule(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() || raceEnabled {
		seeds = 15
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runConcurrently(t, seed) })
		})
	}
}

func runConcurrently(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	j := newJournal(t, 2+rng.IntN(4), 4096)
	stop := make(chan struct{}) // closed when the journal is sealed
	var readers, writers sync.WaitGroup
	for range 1 + rng.IntN(5) {
		rng := rand.New(rand.NewPCG(seed, rng.Uint64()))
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{
			Wake:         wake,
			Block:        rng.IntN(2) == 0,
			BlockTimeout: time.Duration(1+rng.IntN(20)) * time.Millisecond,
		})
		readers.Go(func() { account(t, rng, c, wake, stop) })
	}
	observed := make(chan struct{})
	go func() {
		defer close(observed)
		observe(t, j, stop)
	}()
	var appended, refused [16]int
	for p := range 1 + rng.IntN(16) {
		rng := rand.New(rand.NewPCG(seed, rng.Uint64()))
		writers.Go(func() {
			buf := make([]byte, 4096)
			for n := range 300 {
				if rng.IntN(20) == 0 {
					time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
				}
				err := j.Append(time.Time{}, slog.LevelInfo, signed(buf, p, n, rng.IntN(400)))
				if err == nil && refused[p] == 0 {
					appended[p]++
				} else {
					refused[p]++
				}
			}
		})
	}
	if rng.IntN(2) == 0 {
		time.Sleep(time.Duration(rng.IntN(50)) * time.Millisecond)
	} else {
		writers.Wait()
	}
	j.Seal()
	close(stop)
	writers.Wait()
	readers.Wait()
	<-observed
	total := 0
	for _, n := range appended {
		total += n
	}
	if end := j.End(); end != uint64(total) {
		t.Errorf("End is %d, appends that returned nil %d", end, total)
	}
}

// account reads until the journal is sealed and everything is read.
func account(t *testing.T, rng *rand.Rand, c *Cursor, wake <-chan struct{}, stop <-chan struct{}) {
	const start = 0 // the cursor is older than the first record
	var read, filtered, gaps, last uint64
	last = start
	next := map[int]int{}
	var b Batch
	for open := true; ; {
		f, more := c.Read(&b, ReadLimits{Records: 1 + rng.IntN(50), MinLevel: everyLevel})
		filtered += uint64(f)
		for e := range b.All() {
			producer, n, err := verify(e.Data)
			if err != nil || n < next[producer] || e.Seq < last {
				t.Errorf("record %d: %v; producer %d, its record %d after %d", e.Seq, err, producer, n, next[producer]-1)
			}
			next[producer] = n + 1
			gaps += e.Seq - last
			last = e.Seq + 1
		}
		read += uint64(b.Len())
		if p := c.Position(); p.Next-start != read+filtered+p.Lost || p.End < p.Next {
			t.Errorf("%+v; from %d, read %d, filtered %d", p, start, read, filtered)
		}
		switch rng.IntN(30) {
		case 1:
			c.SetBlocking(rng.IntN(2) == 0)
		case 2:
			time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
		}
		if more || !c.Arm(1+rng.IntN(30), rng.IntN(2)*rng.IntN(4000)) {
			continue
		}
		if !open {
			break
		}
		linger := time.NewTimer(time.Second)
		select {
		case <-wake:
		case <-linger.C:
		case <-stop:
			open = false
		}
		linger.Stop()
	}
	// What was there when it was sealed, and less than the last Arm asked for.
	for {
		f, _ := c.Read(&b, ReadLimits{MinLevel: everyLevel})
		filtered += uint64(f)
		read += uint64(b.Len())
		for e := range b.All() {
			gaps += e.Seq - last
			last = e.Seq + 1
		}
		if b.Len() == 0 {
			break
		}
	}
	p := c.Position()
	gaps += p.Next - last
	if p.Next != p.End || gaps != p.Lost || p.UnreadBytes != 0 {
		t.Errorf("at the end: %+v; %d sequences not read", p, gaps)
	}
	c.detach()
}

// observe calls what anybody may call, and brings cursors that come and go.
func observe(t *testing.T, j *Journal, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		c := j.NewCursor(CursorConfig{Block: true})
		start := c.Position()
		var b Batch
		c.Read(&b, ReadLimits{Records: 3})
		if p := c.Position(); p.Next != start.Next+uint64(b.Len())+p.Lost-start.Lost {
			t.Errorf("%+v after %+v and %d records", p, start, b.Len())
		}
		c.detach()
		if p := start.Next; p > 0 && j.AppendedAt(p-1).After(time.Now()) {
			t.Error("AppendedAt is in the future")
		}
		if j.Bytes() > 2*5*4096 {
			t.Errorf("%d bytes", j.Bytes())
		}
		time.Sleep(time.Millisecond)
	}
}
