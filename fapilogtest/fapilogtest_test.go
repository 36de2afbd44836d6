package fapilogtest_test

import (
	"log/slog"
	"runtime"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/fapilogtest"
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
