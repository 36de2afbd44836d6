package fapilog

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestBothSinksReceiveLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		p := open(t, Config{}, &a, &b)
		log(p, 0, 10)
		delivers(t, p)
		for name, m := range map[string]*sinktest.Memory{"a": &a, "b": &b} {
			holds(t, name, m, upTo(10))
			if !m.Closed() {
				t.Errorf("sink %s is not closed", name)
			}
			if k := row(t, p, name); k.Delivered != 10 || k.Appended != 10 || k.Attempts == 0 || k.Failures != 0 {
				t.Errorf("%+v", k)
			}
		}
		if s := p.Stats(); !s.Complete() || s.Offered != 10 || s.Appended != 10 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRecordsReachSinksAsTheyWereLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		p := open(t, Config{Level: slog.LevelDebug}, &a, &b)
		start := time.Now()
		p.Logger().With("app", "shop").WithGroup("g").Warn("one & <two>", "k", 1)
		delivers(t, p)
		want := `{"time":"` + start.Format(time.RFC3339Nano) + `","level":"WARN","msg":"one & <two>","app":"shop","g":{"k":1}}`
		id := p.journal.ID()
		for _, m := range []*sinktest.Memory{&a, &b} {
			r := m.Records()[0]
			if string(r.JSON) != want || !r.Time.Equal(start) || r.Level != slog.LevelWarn || r.ID != (sink.ID{Journal: id, Seq: 0}) {
				t.Errorf("%v %v %v %s, want %s", r.ID, r.Time, r.Level, r.JSON, want)
			}
		}
	})
}

// The order is the journal's. It is full most of the time, so that the callers
// wait for the sinks.
func TestEverySinkHasEveryRecordInOneOrder(t *testing.T) {
	const callers, sinks = 64, 8
	each, bytes := 1_000_000/callers, int64(4<<20)
	if raced || testing.Short() {
		each, bytes = 50_000/callers, 256<<10
	}
	tapes := make([]*tape, sinks)
	cfg := Config{
		Defaults:  Delivery{OnFull: Block, BlockTimeout: Forever},
		Journal:   journal.Config{MaxBytes: bytes},
		MaxRecord: 4 << 10,
	}
	seed := maphash.MakeSeed()
	var all []sink.Sink
	for i := range tapes {
		tapes[i] = new(tape)
		tapes[i].hash.SetSeed(seed)
		all = append(all, tapes[i])
	}
	tapes[0].last = make([]int, callers)
	p := open(t, cfg, all...)
	var wg sync.WaitGroup
	for caller := range callers {
		l := p.Logger().With("caller", caller)
		wg.Go(func() {
			for n := range each {
				l.Info("fan-out", "n", n+1)
			}
		})
	}
	wg.Wait()
	if err := p.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	total := each * callers
	for i, tape := range tapes {
		if tape.problem != "" {
			t.Errorf("sink %d: %s", i, tape.problem)
		}
		if tape.records != total || tape.hash.Sum64() != tapes[0].hash.Sum64() {
			t.Errorf("sink %d has %d records of %d with the sum %x; the first sink's is %x", i, tape.records, total, tape.hash.Sum64(), tapes[0].hash.Sum64())
		}
	}
	if tapes[0].bytes < 10*bytes {
		t.Errorf("%d bytes do not fill a journal of %d ten times", tapes[0].bytes, bytes)
	}
	if s := balanced(t, p); !s.Complete() || s.Appended != uint64(total) {
		t.Errorf("%+v", s)
	}
}

// tape is a sink that takes down what it is given: the sequence, and a sum over
// all bytes in their order.
type tape struct {
	records int
	bytes   int64
	hash    maphash.Hash
	last    []int // by caller, the last n; nil: not looked at
	problem string
}

func (s *tape) Write(_ context.Context, batch []sink.Record) error {
	for _, r := range batch {
		if r.ID.Seq != uint64(s.records) {
			s.problem = "the sequence has a gap or goes back"
		}
		s.records++
		s.bytes += int64(len(r.JSON))
		s.hash.Write(r.JSON)
		s.hash.WriteByte('\n')
		if s.last == nil {
			continue
		}
		var v struct{ Caller, N int }
		if err := json.Unmarshal(r.JSON, &v); err != nil || v.N != s.last[v.Caller]+1 {
			s.problem = "a caller's records are not in its order"
			continue
		}
		s.last[v.Caller] = v.N
	}
	return nil
}

func (s *tape) Close() error { return nil }

func TestMultipleSinksWithRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flaky := failing(3)
		var healthy sinktest.Memory
		p := open(t, Config{}, flaky, &healthy)
		log(p, 0, 100)
		time.Sleep(time.Minute)
		holds(t, "flaky", flaky, upTo(100))
		holds(t, "healthy", &healthy, upTo(100))
		if k := row(t, p, "a"); k.Attempts != 4 || k.Failures != 3 || k.Delivered != 100 {
			t.Errorf("%+v", k)
		}
		if k := row(t, p, "b"); k.Attempts != 1 || k.Failures != 0 || k.Delivered != 100 {
			t.Errorf("%+v", k)
		}
		ids := flaky.Attempts()[0].Records
		for _, a := range flaky.Attempts() {
			if !slices.EqualFunc(a.Records, ids, func(a, b sink.Record) bool { return a.ID == b.ID }) {
				t.Error("an attempt has other records than the one before")
			}
		}
	})
}

func TestEachSinkHasItsOwnLevelAndFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all, warnings, odd sinktest.Memory
		level := new(slog.LevelVar)
		level.Set(slog.LevelWarn)
		p := open(t, Config{Routes: []Route{
			{Name: "all", Sink: &all, Delivery: Delivery{Level: slog.LevelDebug}},
			{Name: "warnings", Sink: &warnings, Delivery: Delivery{Level: level}},
			{Name: "odd", Sink: &odd, Filter: func(r sink.Record) bool { return r.ID.Seq%2 == 1 }},
		}})
		l := p.Logger()
		l.Debug("x", "n", 0)
		l.Info("x", "n", 1)
		l.Warn("x", "n", 2)
		l.Error("x", "n", 3)
		l.Log(context.Background(), slog.LevelDebug-1, "x", "n", 99) // nobody wants it
		time.Sleep(time.Second)
		level.Set(slog.LevelDebug)
		l.Debug("x", "n", 4)
		delivers(t, p)
		holds(t, "all", &all, upTo(5))
		holds(t, "warnings", &warnings, []int{2, 3, 4})
		holds(t, "odd", &odd, []int{1, 3})
		if k := row(t, p, "warnings"); k.Filtered != 2 || k.Delivered != 3 {
			t.Errorf("%+v", k)
		}
		if s := p.Stats(); s.Offered != 5 || !s.Complete() {
			t.Errorf("%+v", s)
		}
	})
}

func TestMultipleSinksWithDifferentTypes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	var memory sinktest.Memory
	var called []sink.Record
	p := open(t, Config{Routes: []Route{
		{Name: "console", URI: "stdout://?format=json"},
		{Name: "file", URI: "file://" + path},
		{Name: "memory", Sink: &memory},
		{Name: "func", Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
			for _, r := range batch {
				r.JSON = slices.Clone(r.JSON)
				called = append(called, r)
			}
			return nil
		})},
	}})
	os.Stdout = stdout
	log(p, 0, 100)
	delivers(t, p)
	w.Close()
	console := make([]byte, 64<<10)
	n, err := r.Read(console)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, r := range memory.Records() {
		want.Write(r.JSON)
		want.WriteByte('\n')
	}
	holds(t, "memory", &memory, upTo(100))
	if got := numbers(t, called); !slices.Equal(got, upTo(100)) {
		t.Errorf("the function has %d records", len(got))
	}
	if string(file) != want.String() {
		t.Errorf("the file has\n%s, want\n%s", file, want.String())
	}
	if string(console[:n]) != want.String() {
		t.Errorf("the console has\n%s, want\n%s", console[:n], want.String())
	}
}
