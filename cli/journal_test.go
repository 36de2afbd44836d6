package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/journal/archive/archivetest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

var archiveStart = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// archivedRecords returns n records, a second apart, with the messages line
// first, line first+1 and so on.
func archivedRecords(first, n int) (rs []archivetest.Record) {
	for i := first; i < first+n; i++ {
		at := archiveStart.Add(time.Duration(i) * time.Second)
		rs = append(rs, archivetest.Record{
			Time: at, Level: slog.LevelDebug,
			JSON: fmt.Sprintf(`{"time":%q,"level":"DEBUG","msg":"line %d"}`, at.Format(time.RFC3339), i),
		})
	}
	return rs
}

// repeated returns an id of 16 equal bytes.
func repeated(b byte) (id [16]byte) {
	for i := range id {
		id[i] = b
	}
	return id
}

// archived writes a journal of two lives with the lines 0 to 39 and 40 to 49.
func archived(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	archivetest.Life{
		ID: repeated(0xb0), Created: archiveStart, First: 60,
		Segments: [][]archivetest.Record{archivedRecords(0, 20), archivedRecords(20, 20)},
		Cursors: map[string]archivetest.Cursor{
			"app-log": {Next: 100, Tally: archive.Tally{Delivered: 100}},
			"loki":    {Next: 75, Tally: archive.Tally{Delivered: 50, Filtered: 20, Overflow: 4, Rejected: 1}},
		},
	}.Write(t, dir)
	archivetest.Life{
		ID: repeated(0xa0), Created: archiveStart.Add(90 * time.Minute),
		Segments: [][]archivetest.Record{archivedRecords(40, 10)},
		Cursors:  map[string]archivetest.Cursor{"app-log": {Next: 10, Tally: archive.Tally{Delivered: 10}}, "loki": {}},
		Carried:  map[string]archive.Tally{"loki": {Delivered: 123_456_789, Quarantined: 3}},
	}.Write(t, dir)
	return dir
}

// quarantineIn adds a quarantine file with the lines 100 to 104 to a journal.
func quarantineIn(t testing.TB, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "quarantine", "loki.jsonl")
	var text strings.Builder
	for i, r := range archivedRecords(100, 5) {
		fmt.Fprintf(&text, `{"time":"2026-12-01T00:00:00Z","sink":"loki","id":%q,"reason":"rejected","error":"no","record":%s}`+"\n",
			archive.ID{Life: repeated(0xc0), Seq: uint64(i)}, r.JSON)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, text.String())
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// damage flips a byte in the first record of a segment.
func damage(t testing.TB, dir string, life byte, slot int) {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("%x", repeated(life)), fmt.Sprintf("%08x.segment", slot))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[4096+40] ^= 1
	writeFile(t, path, string(text))
}

// golden fails the test unless got is what a file in testdata holds.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		writeFile(t, path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(want), "\r\n", "\n") != got {
		t.Errorf("%s is\n%s\nbut the output is\n%s", path, want, got)
	}
}

func TestInspectShowsWhichSinkIsBehindByHowMuch(t *testing.T) {
	for name, c := range map[string]struct {
		damage bool
		look   func(string) (archive.Report, error)
	}{
		"inspect.txt": {false, archive.Inspect},
		"verify.txt":  {true, archive.Verify},
	} {
		dir := archived(t)
		quarantineIn(t, dir)
		if c.damage {
			damage(t, dir, 0xb0, 1)
			writeFile(t, filepath.Join(dir, fmt.Sprintf("%x", repeated(0xa0)), "loki.cursor"), "garbage")
			writeFile(t, filepath.Join(dir, "notes.txt"), "")
		}
		r, err := c.look(dir)
		if err != nil {
			t.Fatal(err)
		}
		r.Dir = "/var/lib/app/journal"
		golden(t, name, string(appendReport(nil, r, c.damage, archiveStart.Add(26*time.Hour+30*time.Minute))))
	}
}

func TestStatusOfInspectIsZeroOnlyIfAllIsWell(t *testing.T) {
	empty := t.TempDir()
	for name, c := range map[string]struct {
		prepare func(dir string)
		args    []string
		want    int
		stdout  string
		stderr  string
	}{
		"all is well":                   {nil, []string{"DIR"}, exitOK, "--verify reads every record", ""},
		"all was read":                  {nil, []string{"--verify", "DIR"}, exitOK, "damage: none", ""},
		"a flag behind":                 {nil, []string{"DIR", "-verify"}, exitOK, "damage: none", ""},
		"damage that is not looked for": {func(dir string) { damage(t, dir, 0xb0, 0) }, []string{"DIR"}, exitOK, "not looked for", ""},
		"damage":                        {func(dir string) { damage(t, dir, 0xb0, 0) }, []string{"DIR", "--verify"}, exitIncomplete, "damage: 1 record cannot be read", ""},
		"a damaged cursor": {func(dir string) {
			writeFile(t, filepath.Join(dir, fmt.Sprintf("%x", repeated(0xa0)), "loki.cursor"), "")
		}, []string{"DIR"}, exitIncomplete, "PROBLEM", ""},
		"no journal":   {nil, []string{empty}, exitIncomplete, "", "is not a journal: it holds no life"},
		"no directory": {nil, []string{filepath.Join(empty, "x")}, exitIncomplete, "", "fapilog journal: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := archived(t)
			if c.prepare != nil {
				c.prepare(dir)
			}
			args := []string{"journal", "inspect"}
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "DIR", dir))
			}
			r := call(t, nil, args...)
			if r.status != c.want || !strings.Contains(r.stdout, c.stdout) || !strings.Contains(r.stderr, c.stderr) || (c.stderr == "") != (r.stderr == "") {
				t.Errorf("status %d, output\n%s%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

func TestInspectAsJSONIsTheReport(t *testing.T) {
	dir := archived(t)
	r := call(t, nil, "journal", "inspect", "--json", dir)
	var got archive.Report
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.status != exitOK {
		t.Fatalf("%v, status %d in %s%s", err, r.status, r.stdout, r.stderr)
	}
	if len(got.Lives) != 2 || got.Lives[0].Cursors[1].Lag != 25 || got.Lives[1].Carried["loki"].Delivered != 123_456_789 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(r.stdout, `"first_seq":60,"end_seq":80`) || strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("%s", r.stdout)
	}
}

func TestJournalsHelpNamesEveryFlag(t *testing.T) {
	for topic, f := range map[string]*flags{"inspect": newInspectFlags().flags, "replay": newReplayFlags().flags} {
		for _, args := range [][]string{{"help", "journal", topic}, {"journal", topic, "-h"}, {"journal", topic, "DIR", "--help"}} {
			r := call(t, nil, args...)
			if r.status != exitOK || r.stderr != "" || !strings.Contains(r.stdout, "Usage: fapilog journal "+topic) || !strings.Contains(r.stdout, "Example:") {
				t.Errorf("%q: status %d, output\n%s%s", args, r.status, r.stdout, r.stderr)
			}
			for _, name := range f.names() {
				if !strings.Contains(r.stdout, "--"+name) {
					t.Errorf("%q: no --%s", args, name)
				}
			}
		}
	}
	for _, args := range [][]string{{"help", "journal"}, {"journal", "-h"}, {"journal", "--help"}} {
		if r := call(t, nil, args...); r.status != exitOK || !strings.Contains(r.stdout, "Usage: fapilog journal COMMAND") {
			t.Errorf("%q: status %d, output\n%s%s", args, r.status, r.stdout, r.stderr)
		}
	}
}

func TestMistakesOnTheCommandLineOfJournalOpenNothing(t *testing.T) {
	for name, c := range map[string]struct {
		args string // OUT is a file that must not come to be, DIR a journal, QUARANTINE a quarantine file in it
		want string
	}{
		"no command":                   {"", "Usage: fapilog journal COMMAND"},
		"an unknown command":           {"inspekt DIR", `unknown command "inspekt" (did you mean "inspect"?)`},
		"inspect without DIR":          {"inspect --verify", "DIR, the directory of a journal, is missing"},
		"inspect of two":               {"inspect DIR DIR", "unexpected argument"},
		"inspect with an unknown flag": {"inspect --verfy DIR", `unknown flag "--verfy" (did you mean "--verify"?)`},
		"replay without DIR":           {"replay --to file:OUT", "DIR, the directory of a journal, or a quarantine file, is missing"},
		"replay without --to":          {"replay DIR", "--to is missing: name the sink, as in --to file:"},
		"replay with an unknown flag":  {"replay DIR --to file:OUT --form 2h", `unknown flag "--form" (did you mean "--from"?)`},
		"a malformed time":             {"replay DIR --to file:OUT --from yesterday", "want a time such as 2026-11-22T03:00:00Z, how long ago such as 2h, or a record's id"},
		"a negative duration":          {"replay DIR --to file:OUT --until=-2h", "want a time such as"},
		"a malformed id":               {"replay DIR --to file:OUT --until b0b0-1", "want a time such as"},
		"an unknown scheme":            {"replay DIR --to filee:OUT", `did you mean "file"?`},
		"an unknown parameter":         {"replay DIR --to file:OUT?levle=info", `did you mean "level"?`},
		"a secret in a wrong URI":      {"replay DIR --to lokii://u:" + canary + "@h/", "sink 1"},
		"inspect of a URI":             {"inspect https://u:" + canary + "@h/", `want DIR, the directory of a journal, and no URI`},
		"replay of a URI":              {"replay https://u:" + canary + "@h/ --to file:OUT", "or a quarantine file, and no URI"},
		"times the wrong way round":    {"replay DIR --to file:OUT --from 1m --until 1h", "--until 1h is before --from 1m"},
		"records the wrong way round":  {"replay DIR --to file:OUT --from c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0-0000000000000002 --until c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0-0000000000000001", "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0-0000000000000001 is before --from"},
		"a record that is not there":   {"replay DIR --to file:OUT --from d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0-0000000000000000", "has no life d0d0"},
		"a sink that is not there":     {"replay DIR --to file:OUT --sink lokki", `did you mean "loki"?`},
		"a sink of a quarantine":       {"replay QUARANTINE --to file:OUT --sink loki", "--sink is not in the journal"},
		"a record not quarantined":     {"replay QUARANTINE --to file:OUT --from d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0-0000000000000000", "is not in the journal"},
		"a sink that cannot be opened": {"replay DIR --to file:/dev/null/x", "sink 1"},
		"a sink and one that is wrong": {"replay DIR --to file:OUT --to filee:OUT", `did you mean "file"?`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := archived(t)
			quarantine := quarantineIn(t, dir)
			out := filepath.Join(t.TempDir(), "out.log")
			args := []string{"journal"}
			for a := range strings.FieldsSeq(c.args) {
				args = append(args, strings.NewReplacer("OUT", out, "DIR", dir, "QUARANTINE", quarantine).Replace(a))
			}
			r := call(t, nil, args...)
			if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
				t.Errorf("status %d, output\n%s%s\nwant 2 and %q", r.status, r.stdout, r.stderr, c.want)
			}
			if leaks(r.stderr) {
				t.Errorf("a secret in\n%s", r.stderr)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the sink was opened")
			}
		})
	}
}
