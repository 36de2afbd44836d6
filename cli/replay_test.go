package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/journal/archive/archivetest"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// linesFrom returns line first to line end-1.
func linesFrom(first, end int) (names []string) {
	for i := first; i < end; i++ {
		names = append(names, fmt.Sprintf("line %d", i))
	}
	return names
}

// sent returns the messages of the records in a file.
func sent(t *testing.T, output []byte) (msgs []string) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var r struct{ Msg string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		msgs = append(msgs, r.Msg)
	}
	return msgs
}

// snapshot returns every file below dir, with what it holds and when it was
// changed.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime().UnixNano())
		if !e.IsDir() {
			all[path] += string(readFile(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReplaySendsTheRecordsThatAreAskedFor(t *testing.T) {
	at := func(line int) string {
		return archiveStart.Add(time.Duration(line) * time.Second).Format(time.RFC3339)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"all":                         {nil, linesFrom(0, 50)},
		"from a time":                 {[]string{"--from", at(30)}, linesFrom(30, 50)},
		"from a time in another zone": {[]string{"--from", archiveStart.Add(30 * time.Second).In(time.FixedZone("", 3600)).Format(time.RFC3339)}, linesFrom(30, 50)},
		"until a time":                {[]string{"--until", strings.ToLower(at(3))}, linesFrom(0, 4)},
		"from long ago":               {[]string{"--from", fmt.Sprint(time.Since(archiveStart).Truncate(time.Hour) + 24*time.Hour)}, linesFrom(0, 50)},
		"from a record":               {[]string{"--from", archive.ID{Life: repeated(0xb0), Seq: 90}.String()}, linesFrom(30, 50)},
		"from a record to another":    {[]string{"--from", archive.ID{Life: repeated(0xb0), Seq: 90}.String(), "--until", archive.ID{Life: repeated(0xa0), Seq: 1}.String()}, linesFrom(30, 42)},
		"what a sink has not settled": {[]string{"--sink", "loki"}, linesFrom(15, 50)},
		"what every sink has settled": {[]string{"--sink", "app-log"}, nil},
		"unsettled, and until a time": {[]string{"--sink", "loki", "--until", at(16)}, linesFrom(15, 17)},
		"to two sinks":                {[]string{"--to", "file:DIR2/second.log"}, linesFrom(0, 50)},
		"of any level":                {[]string{"--to", "file:DIR2/second.log?level=warn"}, linesFrom(0, 50)},
	} {
		t.Run(name, func(t *testing.T) {
			dir, out := archived(t), t.TempDir()
			before := snapshot(t, dir)
			args := []string{"journal", "replay", dir, "--to", "file:" + filepath.ToSlash(out) + "/first.log"}
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "DIR2", filepath.ToSlash(out)))
			}
			r := call(t, map[string]string{"FAPILOG_QUARANTINE": filepath.Join(dir, "quarantine")}, args...)
			if r.status != exitOK || r.stdout != "" {
				t.Fatalf("status %d, output\n%s%s", r.status, r.stdout, r.stderr)
			}
			s := ledger(t, r.stderr)
			if k := s.Sinks[0]; k.Delivered != uint64(len(c.want)) || s.Offered != uint64(len(c.want)) {
				t.Errorf("%+v", s)
			}
			if c.want != nil {
				checkSame(t, "the file", sent(t, readFile(t, filepath.Join(out, "first.log"))), c.want)
			}
			if !reflect.DeepEqual(snapshot(t, dir), before) {
				t.Error("something in the journal has changed")
			}
		})
	}
}

func TestReplaySendsQuarantinedRecords(t *testing.T) {
	at := archiveStart.Add(103 * time.Second).Format(time.RFC3339)
	id := archive.ID{Life: repeated(0xc0), Seq: 2}.String()
	for name, c := range map[string]struct {
		directory bool
		args      []string
		want      []string
	}{
		"of a file":        {false, nil, linesFrom(100, 105)},
		"of a directory":   {true, nil, linesFrom(100, 105)},
		"from a time":      {false, []string{"--from", at}, linesFrom(103, 105)},
		"until a time":     {false, []string{"--until", at}, linesFrom(100, 104)},
		"from a record on": {true, []string{"--from", id}, linesFrom(102, 105)},
		"until a record":   {false, []string{"--until", id}, linesFrom(100, 103)},
		"one record":       {false, []string{"--until", id, "--from", id}, linesFrom(102, 103)},
	} {
		t.Run(name, func(t *testing.T) {
			path := quarantineIn(t, t.TempDir())
			if c.directory {
				path = filepath.Dir(path)
			}
			out := filepath.Join(t.TempDir(), "out.log")
			r := call(t, nil, append([]string{"journal", "replay", "--to", "file:" + filepath.ToSlash(out), path}, c.args...)...)
			if r.status != exitOK {
				t.Fatalf("status %d, output\n%s%s", r.status, r.stdout, r.stderr)
			}
			checkSame(t, "the file", sent(t, readFile(t, out)), c.want)
		})
	}
}

func TestReplayOfDamagedRecordsTellsOfThemAndSendsTheOthers(t *testing.T) {
	dir := archived(t)
	damage(t, dir, 0xb0, 1)
	out := filepath.Join(t.TempDir(), "out.log")
	r := call(t, nil, "journal", "replay", dir, "--to", "file:"+filepath.ToSlash(out))
	want := "fapilog journal replay: life " + fmt.Sprintf("%x", repeated(0xb0)) + ": 1 records from 0000000000000050 on are damaged\n"
	if r.status != exitIncomplete || !strings.HasPrefix(r.stderr, want) {
		t.Errorf("status %d; %s; want %s", r.status, r.stderr, want)
	}
	checkSame(t, "the file", sent(t, readFile(t, out)), append(linesFrom(0, 20), linesFrom(21, 50)...))
	ledger(t, r.stderr)
}

func TestReplayOfDamagedQuarantineTellsOfTheLines(t *testing.T) {
	path := quarantineIn(t, t.TempDir())
	good := string(readFile(t, path))
	writeFile(t, path, "\nnull\n{}\n"+`{"id":"x","record":{}}`+"\n"+`{"id":"c0","record":1}`+"\n"+good+strings.Repeat("x\n", 20)+"{")
	out := filepath.Join(t.TempDir(), "out.log")
	r := call(t, nil, "journal", "replay", path, "--to", "file:"+filepath.ToSlash(out))
	if r.status != exitIncomplete || !strings.Contains(r.stderr, "loki.jsonl: line 1: not a quarantined record") || !strings.Contains(r.stderr, "and 16 more like these") {
		t.Errorf("status %d; %s", r.status, r.stderr)
	}
	for line := range strings.Lines(r.stderr) {
		if !strings.HasPrefix(line, "fapilog journal replay: ") && !strings.HasPrefix(line, "{") { // the ledger
			t.Errorf("a line begins otherwise: %s", line)
		}
	}
	checkSame(t, "the file", sent(t, readFile(t, out)), linesFrom(100, 105))
}

// replaying begins a session as replay does, with everything that the arguments
// ask for.
func replaying(t *testing.T, cfg fapilog.Config, l limits, s sink.Sink, args ...string) running {
	t.Helper()
	f := newReplayFlags()
	if _, err := f.parse(args); err != nil {
		t.Fatal(err)
	}
	found, err := f.find()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Routes = []fapilog.Route{{Name: "a", Sink: s}}
	cfg.Diagnostics = slog.New(slog.DiscardHandler)
	var stderr bytes.Buffer
	session, err := openReplay(forReplay(cfg), l, found, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	return runs(session, &stderr)
}

func TestReplayedRecordsHaveTheirIDsTimesAndLevels(t *testing.T) {
	dir := archived(t)
	quarantine := quarantineIn(t, dir)
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		if o := replaying(t, fapilog.Config{}, limits{}, &m, dir).end(t); o.status != exitOK {
			t.Error(o.stderr)
		}
		if o := replaying(t, fapilog.Config{}, limits{}, &m, quarantine).end(t); o.status != exitOK {
			t.Error(o.stderr)
		}
		records := m.Records()
		if len(records) != 55 {
			t.Fatalf("%d records", len(records))
		}
		for i, r := range records {
			line, id := i, sink.ID{Journal: repeated(0xb0), Seq: uint64(60 + i)}
			switch {
			case i >= 50:
				line, id = 50+i, sink.ID{Journal: repeated(0xc0), Seq: uint64(i - 50)}
			case i >= 40:
				id = sink.ID{Journal: repeated(0xa0), Seq: uint64(i - 40)}
			}
			want := archivedRecords(line, 1)[0]
			if r.ID != id || !r.Time.Equal(want.Time) || r.Level != want.Level || string(r.JSON) != want.JSON {
				t.Errorf("record %d is %v %v %v %s", i, r.ID, r.Time, r.Level, r.JSON)
			}
		}
	})
}

func TestSignalEndsAReplay(t *testing.T) {
	long := archivetest.Life{ID: repeated(1), Created: archiveStart}
	for i := range 50 { // far more than the replay's journal holds
		long.Segments = append(long.Segments, archivedRecords(20*i, 20))
	}
	dir := t.TempDir()
	long.Write(t, dir)
	for name, c := range map[string]struct {
		then    sinktest.Step
		signals int
		least   time.Duration
		most    time.Duration
		left    bool
	}{
		"a sink that works gets what was read": {sinktest.Slow(time.Second / 2), 1, 11 * time.Second, time.Minute, false},
		"a sink that is stuck has the grace":   {sinktest.Stuck(), 1, 70 * time.Second, 71 * time.Second, true},
		"the second signal ends it at once":    {sinktest.Stuck(), 2, 10 * time.Second, 11 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Then: c.then}
				defer s.Release()
				cfg := fapilog.Config{MaxRecord: 1 << 10}
				cfg.Journal.MaxBytes, cfg.Journal.SegmentBytes = 8<<10, 4<<10
				cfg.Defaults = fapilog.Delivery{BatchRecords: 1, Timeout: time.Hour}
				run := replaying(t, cfg, limits{time.Hour, time.Minute}, s, dir)
				time.Sleep(10 * time.Second)
				for range c.signals {
					run.signals <- syscall.SIGTERM
					time.Sleep(oneAsking)
				}
				o := run.end(t)
				if o.status != exitIncomplete || o.took < c.least || o.took > c.most || o.stats.Sinks[0].Pending > 0 != c.left {
					t.Errorf("ended after %v with status %d; %s", o.took, o.status, o.stderr)
				}
				if !strings.Contains(o.stderr, "ended before everything was read") {
					t.Error(o.stderr)
				}
			})
		})
	}
}

func TestReplayEndsWhenItsSinkIsGone(t *testing.T) {
	dir := archived(t)
	synctest.Test(t, func(t *testing.T) {
		gone := &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}
		if o := replaying(t, fapilog.Config{}, limits{time.Minute, time.Second}, gone, dir).end(t); o.status != exitIncomplete || o.took > time.Minute {
			t.Errorf("ended after %v with status %d; %s", o.took, o.status, o.stderr)
		}
	})
}

func TestEnvironmentOfTheServiceDoesNotReachAReplaysJournal(t *testing.T) {
	var said fapilog.Config
	said.Journal.Dir, said.Journal.MaxBytes = "/var/lib/app/journal", 8<<30
	said.Defaults.Quarantine = "/var/lib/app/journal/quarantine"
	got := forReplay(said)
	if got.Journal.Dir != "" || got.Journal.MaxBytes != 0 || got.Defaults.Quarantine != "" {
		t.Errorf("%+v", got)
	}
}

func TestWhatPipeHasLeftInItsJournalIsInspectedAndReplayed(t *testing.T) {
	dir, out := filepath.Join(t.TempDir(), "journal"), filepath.ToSlash(t.TempDir())
	if r := call(t, map[string]string{"FAPILOG_JOURNAL": dir, "FAPILOG_SINKS": "file:" + out + "/first.log?name=first"}, "pipe"); r.status != exitOK {
		t.Fatal(r.stderr)
	}
	r := call(t, nil, "journal", "inspect", "--verify", dir)
	if r.status != exitOK || !strings.Contains(r.stdout, "first  has settled everything") || !strings.Contains(r.stdout, "1 record in 1 segment") {
		t.Errorf("status %d; %s%s", r.status, r.stdout, r.stderr)
	}
	r = call(t, map[string]string{"FAPILOG_JOURNAL": dir}, "journal", "replay", dir, "--to", "file:"+out+"/again.log")
	if r.status != exitOK {
		t.Fatal(r.stderr)
	}
	if first, again := readFile(t, out+"/first.log"), readFile(t, out+"/again.log"); !bytes.Equal(first, again) {
		t.Errorf("%s and %s", first, again)
	}
}

func FuzzQuarantinedLine(f *testing.F) {
	f.Add([]byte(`{"time":"2026-12-01T00:00:00Z","id":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0-0000000000000001","record":{"msg":"x"}}`))
	f.Add([]byte(`{"id":"","record":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseQuarantined(line)
		if err == nil && (len(r.JSON) < 2 || r.JSON[0] != '{' || !bytes.Contains(line, r.JSON)) {
			t.Errorf("%q gave the record %q", line, r.JSON)
		}
	})
}
