package fapilog

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// onDisk returns cfg with a small durable journal in dir.
func onDisk(dir string, cfg Config) Config {
	cfg.MaxRecord = 1 << 10
	cfg.Journal = journal.Config{Dir: dir, MaxBytes: 256 << 10, SegmentBytes: 16 << 10}
	return cfg
}

// leave closes p, which stands for a process, without time to deliver more.
func leave(t *testing.T, p *Pipeline) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return p.Close(ctx)
}

func down() *sinktest.Script { return &sinktest.Script{Then: sinktest.Fail(errDown)} }

func TestWhatOneProcessLeavesTheNextDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "made", "j")
		p := open(t, onDisk(dir, Config{}), down(), new(sinktest.Memory))
		first := p.journal.ID()
		log(p, 0, 10)
		time.Sleep(2 * time.Second)
		err := leave(t, p)
		left, ok := errors.AsType[*UndeliveredError](err)
		if !ok || left.Kept != dir || len(left.Sinks) != 1 || left.Sinks[0].Pending != 10 || !strings.Contains(err.Error(), "the journal in "+dir+" keeps them") {
			t.Errorf("Close: %v", err)
		}

		var a, b sinktest.Memory
		p = open(t, onDisk(dir, Config{}), &a, &b)
		log(p, 10, 5)
		delivers(t, p)
		holds(t, "a", &a, upTo(15))
		holds(t, "b", &b, span(10, 5))
		for i, r := range a.Records() {
			want := sink.ID{Journal: first, Seq: uint64(i)}
			if i >= 10 {
				want = sink.ID{Journal: p.journal.ID(), Seq: uint64(i - 10)}
			}
			if r.ID != want {
				t.Errorf("record %d has id %v, want %v", i, r.ID, want)
			}
		}
		s := p.Stats()
		if s.Appended != 5 || s.Offered != 5 || !s.Complete() {
			t.Errorf("%+v", s)
		}
		for _, k := range s.Sinks {
			if k.Appended != 15 || k.Delivered != 15 {
				t.Errorf("%+v", k)
			}
		}
	})
}

func TestLedgerGoesOnAcrossProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		refuse := &sink.Error{Verdict: sink.Rejected, Err: errDown}
		var attempts, failures uint64
		for n := range 6 {
			steps := [][]sinktest.Step{{sinktest.OK()}, {sinktest.Fail(refuse)}, {sinktest.Fail(errDown), sinktest.Fail(errDown)}}[n%3]
			p := open(t, onDisk(dir, Config{Routes: []Route{
				{Name: "a", Sink: &sinktest.Script{Steps: steps, Then: sinktest.Fail(refuse)}, Delivery: Delivery{BatchRecords: 1}},
				{Name: "warnings", Sink: new(sinktest.Memory), Delivery: Delivery{Level: slog.LevelWarn}},
			}}))
			constant(p, 0)
			log(p, n, 1)
			time.Sleep(2 * time.Second)
			delivers(t, p)
			s := p.Stats()
			attempts, failures = attempts+1, failures+1
			switch n % 3 {
			case 0:
				failures--
			case 2:
				attempts, failures = attempts+2, failures+2
			}
			done := uint64(n + 1)
			if k := s.Sinks[0]; k.Appended != done || k.Delivered+k.Quarantined != done || k.Attempts != attempts || k.Failures != failures {
				t.Errorf("process %d: %+v, want %d attempts, %d failed", n, k, attempts, failures)
			}
			if k := s.Sinks[1]; k.Appended != done || k.Filtered != done {
				t.Errorf("process %d: %+v", n, k)
			}
			if want := n%3 == 0; s.Complete() != want {
				t.Errorf("process %d: Complete is %t: %+v", n, s.Complete(), s)
			}
		}
		lines, err := readQuarantine(filepath.Join(dir, "quarantine", "a.jsonl"))
		if err != nil || len(lines) != 4 {
			t.Errorf("%d records in the quarantine (%v)", len(lines), err)
		}
	})
}

// What is kept is a position and counts: of a batch that is not wholly settled all records
// come again, and are counted once.
func TestBatchThatWasDeliveredInPartIsWrittenAgainByTheNextProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		first := sinktest.Items(sink.ItemError{Index: 9, Err: errDown})
		p := open(t, onDisk(dir, Config{}), &sinktest.Script{Steps: []sinktest.Step{first}, Then: sinktest.Fail(errDown)})
		burst(p, 0, 10)
		time.Sleep(50 * time.Millisecond)
		if k := row(t, p, "a"); k.Delivered != 9 || k.Pending != 1 {
			t.Errorf("%+v", k)
		}
		_ = leave(t, p)
		var a sinktest.Memory
		p = open(t, onDisk(dir, Config{}), &a)
		delivers(t, p)
		holds(t, "a", &a, upTo(10))
		if k := row(t, p, "a"); k.Appended != 10 || k.Delivered != 10 {
			t.Errorf("%+v", k)
		}
	})
}

func TestStandbyKeepsItsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		for n := range uint64(3) {
			var standby sinktest.Memory
			p := open(t, onDisk(dir, Config{Routes: []Route{
				{Name: "primary", Sink: down(), Delivery: to("standby")},
				{Name: "standby", Sink: &standby, Standby: true},
			}}))
			burst(p, 0, 10)
			time.Sleep(2 * time.Second)
			if k := row(t, p, "standby"); k.Appended != 10*(n+1) || k.Delivered != 10*(n+1) || standby.Len() != 10 {
				t.Errorf("%+v", k)
			}
			if k := row(t, p, "primary"); k.Appended != 10*(n+1) || k.Diverted != 10*(n+1) {
				t.Errorf("%+v", k)
			}
			delivers(t, p)
		}
	})
}

// The positions of the records that are diverted are not their sequences.
func TestRecordOfAnEarlierProcessReachesAFallbackThatAlsoReadsItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		for range 3 {
			p := open(t, onDisk(dir, Config{Defaults: Delivery{BatchRecords: 7}}), down(), down())
			log(p, 0, 20)
			time.Sleep(time.Second)
			_ = leave(t, p)
		}
		var fallback sinktest.Memory
		primary := to("b")
		primary.BatchRecords = 7
		p := open(t, onDisk(dir, Config{Routes: []Route{
			{Name: "a", Sink: down(), Delivery: primary},
			{Name: "b", Sink: &fallback, Filter: func(r sink.Record) bool { return r.ID.Seq%3 > 0 }, Delivery: Delivery{BatchRecords: 11}},
		}}))
		log(p, 20, 20)
		time.Sleep(20 * time.Second)
		if k := row(t, p, "a"); k.Diverted != 80 || k.Pending != 0 {
			t.Errorf("%+v", k)
		}
		delivers(t, p)
		noneTwice(t, "b", &fallback)
		if n := fallback.Len(); n != 80 {
			t.Errorf("the fallback has %d records, want 80", n)
		}
	})
}

// The fallback's cursor has passed the first ten records in an earlier process, and
// never wrote them: they come to it when they are diverted.
func TestFallbackWritesWhatItsCursorPassedInAnEarlierProcess(t *testing.T) {
	tests := []struct {
		name string
		then *Route // the fallback's in the earlier process; nil: there was none
		from From
	}{
		{"it is new, and begins at the end", nil, FromEnd},
		{"it wanted errors only", &Route{Delivery: Delivery{Level: slog.LevelError}}, 0},
		{"its filter let nothing through", &Route{Filter: func(sink.Record) bool { return false }}, 0},
		{"it was a standby", &Route{Standby: true}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "j")
				routes := []Route{{Name: "primary", Sink: down()}}
				if then := test.then; then != nil {
					then.Name, then.Sink = "spare", new(sinktest.Memory)
					routes = append(routes, *then)
					if then.Standby {
						routes[0].Delivery.Fallback = "spare" // the circuit is closed to the end
					}
				}
				p := open(t, onDisk(dir, Config{Routes: routes}))
				constant(p, 0.5)
				burst(p, 0, 10) // one batch, tried three times, and once more by Close: too few to open the circuit
				time.Sleep(500 * time.Millisecond)
				_ = leave(t, p)

				var spare sinktest.Memory
				p = open(t, onDisk(dir, Config{Routes: []Route{
					{Name: "primary", Sink: down(), Delivery: to("spare")},
					{Name: "spare", Sink: &spare, From: test.from},
				}}))
				log(p, 10, 5)
				delivers(t, p)
				got := numbers(t, spare.Records())
				slices.Sort(got)
				if !slices.Equal(got, upTo(15)) {
					t.Errorf("the fallback has %v, want each of 15 once", got)
				}
				if k := row(t, p, "primary"); k.Diverted != 15 {
					t.Errorf("%+v", k)
				}
			})
		})
	}
}

func TestSinkThatIsNewBeginsWhereFromSays(t *testing.T) {
	for from, want := range map[From][]int{0: upTo(15), FromOldest: upTo(15), FromEnd: span(10, 5)} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "j")
			p := open(t, onDisk(dir, Config{}), down())
			log(p, 0, 10)
			_ = leave(t, p)
			var old, added sinktest.Memory
			p = open(t, onDisk(dir, Config{Routes: []Route{{Name: "a", Sink: &old, From: FromEnd}, {Name: "new", Sink: &added, From: from}}}))
			log(p, 10, 5)
			delivers(t, p)
			holds(t, "a", &old, upTo(15)) // it is not new
			holds(t, "new", &added, want)
		})
	}
}

func TestUnreadableRecordOfAnEarlierProcessIsCountedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		p := open(t, onDisk(dir, Config{}), down())
		log(p, 0, 10)
		_ = leave(t, p)
		damage(t, dir, `"n":4}`)
		var a sinktest.Memory
		var heard events
		p = open(t, onDisk(dir, Config{OnEvent: heard.note}), &a)
		time.Sleep(2 * time.Second)
		if k := row(t, p, "a"); k.Appended != 10 || k.Delivered != 9 || k.Dropped[DroppedCorrupt] != 1 || k.Pending != 0 {
			t.Errorf("%+v", k)
		}
		synctest.Wait()
		var told uint64
		for _, e := range heard.of(EventDropped) {
			if e.Reason == DroppedCorrupt {
				told += e.Count
			}
		}
		if told != 1 {
			t.Errorf("told of %d: %+v", told, heard.all)
		}
		if p.Stats().Complete() {
			t.Error("a process that found a record unreadable is complete")
		}
		delivers(t, p)
		holds(t, "a", &a, []int{0, 1, 2, 3, 5, 6, 7, 8, 9})
		p = open(t, onDisk(dir, Config{}), new(sinktest.Memory))
		delivers(t, p)
		if s := p.Stats(); !s.Complete() || s.Sinks[0].LostBefore != 1 || s.Sinks[0].Dropped[DroppedCorrupt] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// damage flips a bit of the text in the segment that holds it.
func damage(t *testing.T, dir, text string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".segment") {
			return err
		}
		data, err := os.ReadFile(path)
		if at := bytes.Index(data, []byte(text)); err == nil && at >= 0 {
			found++
			data[at] ^= 1
			return os.WriteFile(path, data, 0o600)
		}
		return err
	})
	if err != nil || found != 1 {
		t.Fatalf("%d segments with %s (%v)", found, text, err)
	}
}

func TestNewThatFailsLeavesTheJournalAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		p := open(t, onDisk(dir, Config{}), down())
		log(p, 0, 10)
		_ = leave(t, p)
		cfg := onDisk(dir, Config{Diagnostics: slog.New(slog.DiscardHandler), Routes: []Route{
			{Name: "a", Sink: new(sinktest.Memory)},
			{URI: "leaky://h"},
			{URI: "leaky://shut"},
		}})
		if _, err := New(t.Context(), cfg); err == nil {
			t.Fatal("the last sink does not open, and New does")
		}
		var a sinktest.Memory
		p = open(t, onDisk(dir, Config{}), &a)
		delivers(t, p)
		holds(t, "a", &a, upTo(10))
	})
}

func TestDirectoryThatCannotBeUsedIsAnErrorBeforeASinkIsOpened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.log")
	_, err := New(t.Context(), onDisk(file, Config{Routes: []Route{{URI: "file:" + out}}}))
	if _, mistaken := errors.AsType[*ConfigError](err); err == nil || mistaken || !strings.HasPrefix(err.Error(), "fapilog: journal: ") || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(out); !os.IsNotExist(err) {
		t.Errorf("the sink's file: %v", err)
	}
}

func TestStatsTellOfADurableJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		p := open(t, onDisk(dir, Config{}), down())
		log(p, 0, 10)
		_ = leave(t, p)
		p = open(t, onDisk(dir, Config{}), down())
		time.Sleep(time.Second)
		id := p.journal.ID()
		want := &JournalStats{Dir: dir, Name: hex.EncodeToString(id[:]), OnDisk: true, Lives: 1}
		s := p.Stats()
		if s.Journal != nil {
			s.Journal.Since = time.Time{}
		}
		if !reflect.DeepEqual(s.Journal, want) {
			t.Errorf("%+v, want %+v", s.Journal, want)
		}
		text, err := json.Marshal(s)
		if prefix := `"journal":{"dir":"` + dir + `","name":"` + want.Name + `","on_disk":true,"lives":1}`; err != nil || !strings.Contains(string(text), prefix) {
			t.Errorf("%s (%v), want %s", text, err, prefix)
		}
	})
}

func TestRecordsOfASinkThatIsLeftOutWaitForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "j")
		p := open(t, onDisk(dir, Config{}), down(), new(sinktest.Memory))
		log(p, 0, 10)
		time.Sleep(time.Second)
		_ = leave(t, p)
		var heard events
		p = open(t, onDisk(dir, Config{OnEvent: heard.note, Routes: []Route{{Name: "b", Sink: new(sinktest.Memory)}}}))
		delivers(t, p)
		s := p.Stats()
		if told := heard.of(EventDropped); len(told) != 1 || told[0].Sink != "a" || told[0].Reason != DroppedGone || told[0].Count != 10 {
			t.Errorf("told of %+v", told)
		}
		if s.Complete() || s.Journal.Gone["a"] != 10 || len(s.Journal.Gone) != 1 {
			t.Errorf("a process that has dropped what was left: %+v", s)
		}
		p = open(t, onDisk(dir, Config{}), new(sinktest.Memory), new(sinktest.Memory))
		delivers(t, p)
		s = p.Stats()
		if !s.Complete() {
			t.Errorf("what another process has dropped is told again: %+v", s)
		}
		if k := s.Sinks[0]; k.Appended != 10 || k.Dropped[DroppedGone] != 10 || k.Delivered != 0 {
			t.Errorf("%+v", k) // they were let go of when every sink there was had them
		}
		if i := slices.IndexFunc(s.Sinks, func(k SinkStats) bool { return k.Pending > 0 }); i >= 0 {
			t.Errorf("%+v", s.Sinks[i])
		}
	})
}
