package fapilogtest_test

import (
	"log/slog"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/fapilogtest"
)

// signIn is what is to be tested.
func signIn(logger *slog.Logger, user string) {
	logger.Info("signed in", "user", user, "password", "word")
}

// In a test t is its argument: func TestSignIn(t *testing.T).
func ExampleNew() {
	var t *testing.T
	log := fapilogtest.New(t, fapilog.Config{})
	signIn(log.Logger(), "ada")
	record := log.Want(slog.LevelInfo, "signed in")
	if record.Attrs["user"] != "ada" || record.Attrs["password"] != "***" {
		t.Errorf("it logs %s", record.JSON)
	}
}
