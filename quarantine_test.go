package fapilog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// quarantineLines returns the lines of the quarantine file of sink a.
func quarantineLines(t *testing.T, dir string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		t.Fatalf("the last line has no end: %q", text)
	}
	return bytes.Split(text[:len(text)-1], []byte("\n"))
}

// What a process left that was killed in the middle of a line is a line of its own.
func TestQuarantineEndsATornLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		const torn = `{"time":"2026-01-01T00:00:00Z","sink":"a","id":"00`
		if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &sinktest.Script{Then: sinktest.Fail(&sink.Error{Verdict: sink.Rejected, Err: errDown})}
		p := open(t, Config{Defaults: Delivery{Quarantine: dir, Linger: -1}}, s)
		for n := range 2 {
			log(p, n, 1)
			time.Sleep(time.Second)
		}
		delivers(t, p)
		lines := quarantineLines(t, dir)
		if len(lines) != 3 || string(lines[0]) != torn || !json.Valid(lines[1]) || !json.Valid(lines[2]) {
			t.Errorf("%q", lines)
		}
	})
}

func TestQuarantineKeepsTheRecordAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "made", "on", "demand")
		s := &sinktest.Script{Then: sinktest.Fail(&sink.Error{Verdict: sink.Rejected, Err: errDown})}
		p := open(t, Config{Defaults: Delivery{Quarantine: dir, Linger: -1}}, s)
		if _, err := os.Stat(dir); err == nil {
			t.Error("the directory is there before it is needed")
		}
		start := time.Now()
		p.Logger().Info("<one> & two\u2028")
		time.Sleep(time.Second)
		line := `{"msg" : "spaces  stay", "n":1.50 , "html":"<b>"}`
		if err := p.WriteLine(t.Context(), []byte(line), int64(len(line))); err != nil {
			t.Fatal(err)
		}
		delivers(t, p)
		attempts := s.Attempts()
		lines := quarantineLines(t, dir)
		if len(attempts) != 2 || len(lines) != 2 {
			t.Fatalf("%d attempts, %d lines", len(attempts), len(lines))
		}
		for i, at := range []time.Time{start, start.Add(time.Second)} {
			r := attempts[i].Records[0]
			want := fmt.Sprintf(`{"time":%q,"sink":"a","id":%q,"reason":"rejected","error":"connection refused","record":%s}`,
				at.Format(time.RFC3339Nano), r.ID, r.JSON)
			if string(lines[i]) != want || !json.Valid(lines[i]) {
				t.Errorf("line %d is\n%s, want\n%s", i+1, lines[i], want)
			}
		}
		if !bytes.HasSuffix(lines[1], []byte(line+"}")) {
			t.Errorf("the bytes of the line have changed: %s", lines[1])
		}
		if k := row(t, p, "a"); k.Quarantined != 2 || len(k.Dropped) != 0 {
			t.Errorf("%+v", k)
		}
		if p.Stats().Complete() {
			t.Error("with records quarantined it is complete")
		}
	})
}

func TestOnlyTheGuiltyRecordsAreQuarantined(t *testing.T) {
	for _, verdict := range []sink.Verdict{sink.Rejected, sink.TooLarge} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			s := refusing(t, verdict, 17, 18, 700)
			var heard events
			p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{Quarantine: dir}}, s)
			log(p, 0, 1000)
			delivers(t, p)
			if k := row(t, p, "a"); k.Quarantined != 3 || k.Delivered != 997 {
				t.Errorf("%+v", k)
			}
			var kept []sink.Record
			for _, line := range quarantineLines(t, dir) {
				var v struct {
					Reason Reason
					Record json.RawMessage
				}
				if err := json.Unmarshal(line, &v); err != nil || v.Reason != Reason(verdict.String()) {
					t.Errorf("%v in %s", err, line)
				}
				kept = append(kept, sink.Record{JSON: v.Record})
			}
			if got := numbers(t, kept); fmt.Sprint(got) != "[17 18 700]" {
				t.Errorf("quarantined: %v", got)
			}
			if n := len(heard.of(EventQuarantine)); n != 3 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// broken makes a directory unusable, for root too, and returns what repairs it.
func broken(t *testing.T, dir string) (repair func()) {
	t.Helper()
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	}
}

func TestFailingQuarantineIsTriedThreeTimes(t *testing.T) {
	tests := []struct {
		name     string
		repaired time.Duration
		settled  time.Duration
		dropped  uint64
	}{
		// RetryBase 1 s, doubled, half of it: 1 s after the first write, 2 s after the second.
		{"and then the record is dropped", time.Hour, 3 * time.Second, 1},
		{"and works at the third", 2 * time.Second, 3 * time.Second, 0},
		{"and works at the second", 500 * time.Millisecond, time.Second, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "quarantine")
				s := refusing(t, sink.Rejected, 1)
				var heard events
				p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{BatchRecords: 2, Quarantine: dir, RetryBase: time.Second}}, s)
				constant(p, 0.5)
				repair := broken(t, dir)
				start := time.Now()
				burst(p, 0, 2)
				go func() {
					time.Sleep(test.repaired)
					repair()
				}()
				if err := p.Flush(limit(t, time.Minute)); err != nil || time.Since(start) != test.settled {
					t.Errorf("settled after %v, want %v: %v", time.Since(start), test.settled, err)
				}
				synctest.Wait()
				k := row(t, p, "a")
				if k.Dropped[DroppedRejected] != test.dropped || k.Quarantined != 1-test.dropped || k.Delivered != 1 || k.Circuit != 0 {
					t.Errorf("%+v", k)
				}
				if test.dropped == 0 {
					if lines := quarantineLines(t, dir); len(lines) != 1 {
						t.Errorf("%q", lines)
					}
				} else if e := heard.of(EventDropped); len(e) != 1 || e[0].Reason != DroppedRejected || !strings.Contains(e[0].Err, "scripted rejected; quarantine: ") {
					t.Errorf("%+v", e)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestCloseDoesNotWaitForAFailingQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "quarantine")
		p := open(t, Config{Defaults: Delivery{Quarantine: dir, RetryBase: time.Hour, RetryMax: time.Hour}}, refusing(t, sink.Rejected, 0))
		broken(t, dir)
		log(p, 0, 2)
		time.Sleep(time.Second)
		if k := row(t, p, "a"); k.Pending == 0 {
			t.Errorf("%+v", k)
		}
		start := time.Now()
		delivers(t, p)
		if time.Since(start) != 0 {
			t.Errorf("Close took %v", time.Since(start))
		}
		if k := row(t, p, "a"); k.Dropped[DroppedRejected] != 1 || k.Delivered != 1 {
			t.Errorf("%+v", k)
		}
	})
}

func TestQuarantineHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.jsonl")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, maxQuarantine-400); err != nil { // room for one line
			t.Fatal(err)
		}
		var heard events
		p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{Quarantine: dir, BatchRecords: 1}}, refusing(t, sink.Rejected, 0, 1))
		log(p, 0, 2)
		delivers(t, p)
		if k := row(t, p, "a"); k.Quarantined != 1 || k.Dropped[DroppedRejected] != 1 {
			t.Errorf("%+v", k)
		}
		if e := heard.of(EventDropped); len(e) != 1 || !strings.Contains(e[0].Err, "is full (104857600 bytes)") {
			t.Errorf("%+v", e)
		}
		if info, err := os.Stat(path); err != nil || info.Size() > maxQuarantine || info.Size() <= maxQuarantine-400 {
			t.Errorf("%v, %v", info, err)
		}
	})
}

func TestQuarantineOfTwoSinksIsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := open(t, Config{Defaults: Delivery{Quarantine: dir}}, refusing(t, sink.Rejected, 0), refusing(t, sink.Rejected, 0))
		log(p, 0, 2)
		delivers(t, p)
		for _, name := range []string{"a", "b"} {
			text, err := os.ReadFile(filepath.Join(dir, name+".jsonl"))
			if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `"sink":"`+name+`"`) {
				t.Errorf("%s: %v %s", name, err, text)
			}
		}
		if info, err := os.Stat(filepath.Join(dir, "a.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	})
}

func TestQuarantineFileHasAHarmlessName(t *testing.T) {
	for name, want := range map[string]string{
		"loki": "loki", "http+unix": "http_unix", "../../etc/passwd": "_._.._etc_passwd", ".hidden": "_hidden", "": "",
		"a b\nc\x00d": "a_b_c_d", "é": "_", "A-z_0.9": "A-z_0.9", `c:\x`: "c__x",
	} {
		if got := fileName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestQuarantineSurvivesRecordsOfAnyKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := &sinktest.Script{Then: sinktest.Verdict(sink.Rejected, 0)}
		p := open(t, Config{Level: slog.LevelDebug, Defaults: Delivery{Quarantine: dir}}, s)
		for _, msg := range []string{"", "\n", "\x00\xff", `"}`, strings.Repeat("x", 100_000)} {
			p.Logger().Info(msg)
		}
		delivers(t, p)
		lines := quarantineLines(t, dir)
		if len(lines) != 5 {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			if !json.Valid(line) {
				t.Errorf("%s", line)
			}
		}
	})
}
