package fapilogtest_test

import (
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/fapilogtest"
	"github.com/fapilog/fapilog/journal"
)

// greet is the code under test.
func greet(log *slog.Logger, name string) {
	log.Debug("looking for a greeting")
	log.Info("greeted", "name", name, slog.Group("used", "words", 2))
}

func TestLogKeepsEveryRecordOfEveryLevel(t *testing.T) {
	log := fapilogtest.New(t, fapilog.Config{})
	greet(log.Logger(), "Ada")

	got := log.Want(slog.LevelInfo, "greeted")
	if got.Attrs["name"] != "Ada" {
		t.Errorf("name is %v, want Ada", got.Attrs["name"])
	}
	if used, _ := got.Attrs["used"].(map[string]any); used["words"] != 2.0 {
		t.Errorf("used is %v, want 2 words", got.Attrs["used"])
	}
	if n := len(log.Records()); n != 2 {
		t.Errorf("%d records, want 2:\n%s", n, log)
	}
	if n := len(log.Find("left")); n != 0 {
		t.Errorf("%d records that were never logged", n)
	}
}

// A journal that is much smaller than what is logged must not cost a record.
func TestLogKeepsWhatDoesNotFitIntoTheJournal(t *testing.T) {
	cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 1 << 20}}
	cfg.Defaults.OnFull = fapilog.DropOldest
	log := fapilogtest.New(t, cfg)
	const n, bytes = 5000, 1000
	for i := range n {
		log.Logger().Info("large", "i", i, "filler", strings.Repeat("x", bytes))
	}
	if kept := len(log.Records()); kept != n {
		t.Errorf("%d of %d records are kept", kept, n)
	}
}

func TestRecordsOwnMembersAreNotItsAttributes(t *testing.T) {
	renamed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey {
			a.Key = "message"
		}
		return a
	}
	removed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	tests := []struct {
		name    string
		replace func([]string, slog.Attr) slog.Attr
		log     func(*slog.Logger)
		attrs   map[string]any
	}{
		{"none", nil, func(l *slog.Logger) { l.Error("failed") }, map[string]any{}},
		{"of the same names", nil, func(l *slog.Logger) { l.Error("failed", "msg", "no", "level", 3, "time", "late") },
			map[string]any{"msg": "no", "level": 3.0, "time": "late"}},
		{"of the same text", nil, func(l *slog.Logger) { l.Error("failed", "msg", "failed") }, map[string]any{"msg": "failed"}},
		{"message renamed", renamed, func(l *slog.Logger) { l.Error("failed", "time", 1, "n", 2) }, map[string]any{"time": 1.0, "n": 2.0}},
		{"message removed", removed, func(l *slog.Logger) { l.Error("failed", "level", 3, "n", 2) }, map[string]any{"level": 3.0, "n": 2.0}},
		{"an empty message", nil, func(l *slog.Logger) { l.Error("", "level", "high") }, map[string]any{"level": "high"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := fapilogtest.New(t, fapilog.Config{ReplaceAttr: tt.replace})
			tt.log(log.Logger())
			want := "failed"
			if tt.name == "an empty message" || tt.name == "message removed" {
				want = ""
			}
			if got := log.Want(slog.LevelError, want).Attrs; !reflect.DeepEqual(got, tt.attrs) {
				t.Errorf("attributes are %v, want %v", got, tt.attrs)
			}
		})
	}
}

// A missing record must fail the test that wants it.
func TestWantFailsWithoutTheRecord(t *testing.T) {
	tests := []struct {
		name    string
		level   slog.Level
		message string
		fails   bool
	}{
		{"there", slog.LevelInfo, "once", false},
		{"other level", slog.LevelError, "once", true},
		{"other message", slog.LevelInfo, "never", true},
		{"twice", slog.LevelInfo, "twice", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := fapilogtest.New(t, fapilog.Config{})
			log.Logger().Info("once")
			log.Logger().Info("twice")
			log.Logger().Info("twice")
			failed := make(chan bool)
			go func() { // Fatalf ends its goroutine
				spy := &fatal{TB: t}
				defer func() { failed <- spy.called }()
				spied := fapilogtest.Spy(log, spy)
				spied.Want(tt.level, tt.message)
			}()
			if <-failed != tt.fails {
				t.Errorf("Want(%v, %q) failed: %v, want %v", tt.level, tt.message, !tt.fails, tt.fails)
			}
		})
	}
}

// fatal notes a Fatalf instead of failing the test.
type fatal struct {
	testing.TB
	called bool
}

func (f *fatal) Fatalf(string, ...any) {
	f.called = true
	runtime.Goexit()
}
