//go:build unix

package proof

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// small is the configuration of the journals that are damaged.
func small(dir string) journal.Config {
	return journal.Config{Dir: dir, SegmentBytes: 4 << 10, MaxBytes: 1 << 20}
}

var keys = []string{"a", "b"}

// specimen is a directory as a killed process has left it, whole, and what it holds:
// a life that was drained in part and that carries the tallies of one before it, and
// a later one. Segments have been used twice and more.
type specimen struct {
	image  image
	frames []frame
	places []map[string]uint64 // of each key: by life, the first sequence that it has not settled
}

// workshop is a journal that a specimen is made with.
type workshop struct {
	t       *testing.T
	dir     string
	journal *journal.Journal
	cursors []*journal.Cursor
	random  *rand.Rand
}

func openWorkshop(t *testing.T, dir string, r *rand.Rand) *workshop {
	t.Helper()
	j, err := journal.Open(small(dir))
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{t: t, dir: dir, journal: j, random: r}
	for _, key := range keys {
		w.cursors = append(w.cursors, j.NewCursor(journal.CursorConfig{Key: key}))
	}
	j.Ready()
	return w
}

// append appends records of up to 200 bytes.
func (w *workshop) append(n int) {
	w.t.Helper()
	for range n {
		payload := make([]byte, w.random.IntN(200))
		for i := range payload {
			payload[i] = byte(w.random.Uint32())
		}
		if err := w.journal.Append(time.Unix(1, 0), 0, payload); err != nil {
			w.t.Fatal(err)
		}
	}
}

// settle has each cursor read some more records, and settle them.
func (w *workshop) settle(counts ...int) {
	w.t.Helper()
	for i, c := range w.cursors {
		var b journal.Batch
		for read := 0; read < counts[i] && c.Position().Unread > 0; {
			c.Read(&b, journal.ReadLimits{Records: counts[i] - read, MinLevel: -100})
			read += b.Len()
			n := uint64(b.Len())
			if err := c.Ack(c.Position().Next, journal.Tally{Delivered: n}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// image takes the directory as it is, and ends the journal.
func (w *workshop) image() image {
	m := takeImage(w.t, w.dir)
	w.journal.Close()
	return m
}

func makeSpecimen(t *testing.T, r *rand.Rand) specimen {
	t.Helper()
	// The first life is drained, and then its tallies are carried by the second,
	// which is left with records.
	w := openWorkshop(t, t.TempDir(), r)
	w.append(20)
	first := w.image()
	w = openWorkshop(t, written(t, first), r)
	w.settle(20, 20)
	for deadline := time.Now().Add(limit); w.journal.Health().Lives > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the life that is drained is still there: %+v", w.journal.Health())
		}
	}
	for range 10 { // segments are used again
		w.append(20)
		w.settle(20, 20)
	}
	w.append(50)
	w.settle(25, 10)
	second := w.image()

	w = openWorkshop(t, written(t, second), r)
	w.append(30)
	w.settle(5, 0)
	s := specimen{image: w.image()}
	s.frames = s.image.frames(t)
	s.find(t)
	return s
}

// find finds where the cursors stand: what is whole is drained as it is.
func (s *specimen) find(t *testing.T) {
	t.Helper()
	got, err := drain(written(t, s.image))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if g := got[key]; g.corrupt != 0 || len(g.records) == 0 {
			t.Fatalf("cursor %s of the whole specimen: %d records, %d corrupt", key, len(g.records), g.corrupt)
		}
		places := make(map[string]uint64)
		for _, r := range got[key].records {
			if _, ok := places[r.life]; !ok {
				places[r.life] = r.seq
			}
		}
		if len(places) != 2 {
			t.Fatalf("cursor %s has records in %d lives, want 2", key, len(places))
		}
		s.places = append(s.places, places)
	}
	if len(got["b"].records) != len(got["a"].records)+20 {
		t.Fatalf("cursor a has %d records left and b %d; want 20 more", len(got["a"].records), len(got["b"].records))
	}
}

func written(t *testing.T, m image) string {
	t.Helper()
	dir := t.TempDir()
	if err := m.write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// drained is what a cursor found in a directory.
type drained struct {
	records []frame // life, seq and payload
	corrupt uint64
	lost    uint64
	before  uint64 // counted as lost before the cursor began: what was missing from its place on
}

// drain opens a directory and reads everything, as any cursor would.
func drain(dir string) (map[string]drained, error) {
	j, err := journal.Open(small(dir))
	if err != nil {
		return nil, err
	}
	defer j.Close()
	var cursors []*journal.Cursor
	for _, key := range keys {
		cursors = append(cursors, j.NewCursor(journal.CursorConfig{Key: key}))
	}
	j.Ready()
	got := make(map[string]drained)
	for i, c := range cursors {
		settled := c.Settled()
		before := settled.Dropped()
		var d drained
		var b journal.Batch
		for {
			c.Read(&b, journal.ReadLimits{Records: 16, MinLevel: -100})
			for e := range b.All() {
				d.records = append(d.records, frame{life: hex.EncodeToString(e.Journal[:]), seq: e.Seq, payload: string(e.Data)})
			}
			p := c.Position()
			if err := c.Ack(p.Next, journal.Tally{Delivered: uint64(b.Len())}); err != nil {
				return nil, err
			}
			if p.Unread == 0 {
				d.corrupt, d.lost, d.before = p.Corrupt, p.Lost, before
				break
			}
		}
		got[keys[i]] = d
	}
	return got, nil
}

// harm is what was done to an image.
type harm struct {
	what  string
	image image
	names map[string]string // files that have other names now
}

// check opens a harmed specimen and says what is wrong with what comes out of it.
func (s *specimen) check(dir string, h harm) error {
	if err := h.image.write(dir); err != nil {
		return err
	}
	got, err := drain(dir)
	if err != nil {
		return err
	}
	harmed := s.image.harmed(h.image, h.names, s.frames)
	for i, key := range keys {
		whole := func(life string) bool {
			name := filepath.Join(life, key+".cursor")
			return string(h.image[name]) == string(s.image[name])
		}
		if err := s.compare(got[key], s.places[i], harmed, whole); err != nil {
			return fmt.Errorf("cursor %s: %w", key, err)
		}
	}
	return nil
}

// compare checks that what a cursor found was written, in order, once; that every
// record which is whole and not settled is there; and that what is missing between
// those is counted: from where the cursor stood on, if that is known.
func (s *specimen) compare(got drained, places map[string]uint64, harmed []bool, placed func(life string) bool) error {
	index := make(map[string]int, len(s.frames)) // of frames
	id := func(f frame) string { return fmt.Sprintf("%s-%d", f.life, f.seq) }
	for i, f := range s.frames {
		index[id(f)] = i
	}
	found := make([]bool, len(s.frames))
	last := make(map[string]uint64) // one more than the last sequence of each life
	var missing uint64
	for _, r := range got.records {
		i, ok := index[id(r)]
		switch {
		case !ok || s.frames[i].payload != r.payload:
			return fmt.Errorf("record %s was never written so", id(r))
		case found[i] || r.seq < last[r.life]:
			return fmt.Errorf("record %s comes again, or after later ones", id(r))
		}
		from := last[r.life]
		if from == 0 && placed(r.life) {
			from = places[r.life]
		}
		if from > 0 && r.seq > from {
			missing += r.seq - from
		}
		found[i], last[r.life] = true, r.seq+1
	}
	for i, f := range s.frames {
		if !found[i] && !harmed[i] && f.seq >= places[f.life] {
			return fmt.Errorf("record %s is whole and was not found", id(f))
		}
	}
	if got.lost != 0 {
		return fmt.Errorf("%d records are counted as evicted", got.lost)
	}
	if counted := got.corrupt + got.before; counted < missing {
		return fmt.Errorf("%d records are missing, and %d are counted", missing, counted)
	}
	return nil
}

// harmAtRandom does one to three things to a specimen.
func (s *specimen) harmAtRandom(r *rand.Rand) harm {
	h := harm{image: s.image.clone(), names: make(map[string]string)}
	var what []string
	for range 1 + r.IntN(3) {
		name := h.image.names()[r.IntN(len(h.image))]
		data := h.image[name]
		from := 0
		if len(data) > 0 {
			from = r.IntN(len(data))
		}
		length := 0
		if len(data) > 0 {
			length = 1 + r.IntN(min(len(data)-from, 1+r.IntN(1000)))
		}
		kind := r.IntN(7)
		what = append(what, fmt.Sprintf("%s of %s at %d, %d bytes", harms[kind].name, name, from, length))
		harms[kind].do(h, r, name, from, length)
	}
	h.what = strings.Join(what, "; ")
	return h
}

var harms = []struct {
	name string
	do   func(h harm, r *rand.Rand, name string, from, length int)
}{
	{"a flip", func(h harm, r *rand.Rand, name string, from, length int) {
		if length > 0 {
			h.image[name][from] ^= byte(1 + r.IntN(255))
		}
	}},
	{"zeros", func(h harm, r *rand.Rand, name string, from, length int) {
		clear(h.image[name][from : from+length])
	}},
	{"garbage", func(h harm, r *rand.Rand, name string, from, length int) {
		for i := range h.image[name][from : from+length] {
			h.image[name][from+i] = byte(r.Uint32())
		}
	}},
	{"truncation", func(h harm, r *rand.Rand, name string, from, length int) {
		h.image[name] = h.image[name][:from]
	}},
	{"removal", func(h harm, r *rand.Rand, name string, from, length int) {
		delete(h.image, name)
	}},
	{"growth", func(h harm, r *rand.Rand, name string, from, length int) {
		h.image[name] = append(h.image[name], make([]byte, length)...)
	}},
	{"a swap of names", func(h harm, r *rand.Rand, name string, from, length int) {
		other := h.image.names()[r.IntN(len(h.image))]
		if filepath.Dir(other) != filepath.Dir(name) || filepath.Ext(other) != ".segment" || filepath.Ext(name) != ".segment" || len(h.names) > 0 {
			return
		}
		h.image[name], h.image[other] = h.image[other], h.image[name]
		h.names[name], h.names[other] = other, name
	}},
}

func TestDamageCostsOnlyTheRecordsThatItHits(t *testing.T) {
	r := random(t)
	s := makeSpecimen(t, r)
	base := r.Uint64()
	var bad atomic.Int32
	eachInParallel(t, scaled(100_000), func(dir string, i int) {
		h := s.harmAtRandom(rand.New(rand.NewPCG(base, uint64(i))))
		if err := s.check(dir, h); err != nil && bad.Add(1) < 10 {
			t.Errorf("%s: %v", h.what, err)
		}
	})
}

func TestFlippedByteCostsAtMostItsRecord(t *testing.T) {
	r := random(t)
	s := makeSpecimen(t, r)
	type place struct {
		name string
		at   int
	}
	var places []place
	for _, name := range s.image.names() {
		for at := range s.image[name] {
			places = append(places, place{name, at})
		}
	}
	r.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	n := scaled(len(places))
	bits := make([]byte, n)
	for i := range bits {
		bits[i] = 1 << r.IntN(8)
	}
	t.Logf("%d of %d bytes", n, len(places))
	var bad atomic.Int32
	eachInParallel(t, n, func(dir string, i int) {
		p := places[i]
		for j, mask := range []byte{0xff, bits[i]} {
			h := harm{what: fmt.Sprintf("%s at %d ^ %#x", p.name, p.at, mask), image: s.image.clone()}
			h.image[p.name][p.at] ^= mask
			if err := s.check(filepath.Join(dir, fmt.Sprint(j)), h); err != nil && bad.Add(1) < 10 {
				t.Errorf("%s: %v", h.what, err)
			}
		}
	})
}

// eachInParallel calls f with 0 to n-1 and a directory, new for each, that need not
// be there. One that takes for ever ends the test.
func eachInParallel(t *testing.T, n int, f func(dir string, i int)) {
	root, err := os.MkdirTemp(fastDir(), "proof")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				guard := time.AfterFunc(limit, func() { panic(fmt.Sprintf("case %d does not come to an end", i)) })
				dir := filepath.Join(root, fmt.Sprint(i))
				f(dir, i)
				guard.Stop()
				_ = os.RemoveAll(dir)
			}
		})
	}
	workers.Wait()
}

// fastDir returns a directory in memory where there is one.
func fastDir() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}
