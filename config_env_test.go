package fapilog

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestEveryFieldHasAVariable(t *testing.T) {
	c := envConfig(t,
		"FAPILOG_LEVEL=warn", "FAPILOG_BATCH_RECORDS=2", "FAPILOG_BATCH_BYTES=3KiB", "FAPILOG_LINGER=4s", "FAPILOG_TIMEOUT=5s",
		"FAPILOG_RETRY_BASE=6ms", "FAPILOG_RETRY_MAX=7s", "FAPILOG_RETRY_FOR=8h", "FAPILOG_IN_FLIGHT=9",
		"FAPILOG_BREAKER=false", "FAPILOG_BREAKER_FAILURES=10", "FAPILOG_BREAKER_RECOVERY=11s", "FAPILOG_BREAKER_PROBES=12",
		"FAPILOG_ON_OPEN=fallback", "FAPILOG_FALLBACK=stdout", "FAPILOG_ON_FULL=block", "FAPILOG_BLOCK_TIMEOUT=forever", "FAPILOG_QUARANTINE=q",
		"FAPILOG_GRACE=3s", "FAPILOG_JOURNAL=logs/j", "FAPILOG_JOURNAL_MAX_BYTES=128MiB", "FAPILOG_JOURNAL_SEGMENT_BYTES=1MiB", "FAPILOG_PARALLEL_WRITES=false",
		"FAPILOG_MAX_RECORD=13KiB", "FAPILOG_REDACT=off", "FAPILOG_REDACT_KEYS=iban, ssn", "FAPILOG_REDACT_EXCEPT=next_page_token", "FAPILOG_REDACT_PATTERN=a,b|c")
	want := Config{Level: slog.LevelWarn, Grace: 3 * time.Second, Serial: true, Defaults: Delivery{
		BatchRecords: 2, BatchBytes: 3 << 10, Linger: 4 * time.Second, Timeout: 5 * time.Second,
		RetryBase: 6 * time.Millisecond, RetryMax: 7 * time.Second, RetryFor: 8 * time.Hour, InFlight: 9,
		Breaker: breaker.Config{Off: true, Failures: 10, Recovery: 11 * time.Second, Probes: 12},
		OnOpen:  Fallback, Fallback: "stdout", OnFull: Block, BlockTimeout: Forever, Quarantine: "q",
	}}
	want.MaxRecord = 13 << 10
	want.Redact = encode.Redact{Off: true, Keys: []string{"iban", "ssn"}, Except: []string{"next_page_token"}, Patterns: []string{"a,b|c"}}
	want.Journal.Dir, want.Journal.MaxBytes, want.Journal.SegmentBytes = "logs/j", 128<<20, 1<<20
	c.Routes = nil
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got\n%+v, want\n%+v", c, want)
	}
}

func TestBlankVariableIsUnset(t *testing.T) {
	c := envConfig(t, "FAPILOG_TIMEOUT=", "FAPILOG_BREAKER= ", "FAPILOG_JOURNAL=", "FAPILOG_CORE__LOG_LEVEL=", "FAPILOG_GRACE=\t")
	c.Routes = nil
	if !reflect.DeepEqual(c, Config{}) {
		t.Errorf("got %+v, want nothing set", c)
	}
}

func TestGraceOfZeroIsNoWaiting(t *testing.T) {
	for environ, want := range map[string]time.Duration{"FAPILOG_GRACE=0": none, "FAPILOG_GRACE=": defaultGrace, "FAPILOG_GRACE=1s": time.Second} {
		if got := envConfig(t, environ).withDefaults().Grace; got != want {
			t.Errorf("%s: %v, want %v", environ, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		stuck := &sinktest.Script{Then: sinktest.Stuck()}
		defer stuck.Release()
		p, err := New(t.Context(), Config{Grace: -time.Hour, Routes: []Route{{Sink: stuck}}, Diagnostics: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		p.Logger().Info("x")
		began := time.Now()
		var left *UndeliveredError
		if err := p.Close(t.Context()); !errors.As(err, &left) || time.Since(began) > 150*time.Millisecond {
			t.Errorf("Close returned %v after %v", err, time.Since(began))
		}
	})
}

func TestVariablesOfThePythonOriginalCount(t *testing.T) {
	const circuit = "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_"
	python := []string{
		"FAPILOG_SINKS=stdout,stderr",
		circuit + "ENABLED=True", circuit + "FAILURE_THRESHOLD=7", circuit + "RECOVERY_TIMEOUT_SECONDS=2.5",
		circuit + "HALF_OPEN_MAX_CALLS=3", circuit + "FALLBACK_SINK=stderr",
		"FAPILOG_CORE__SINK_PARALLEL_WRITES=False", "FAPILOG_CORE__LOG_LEVEL=WARNING", "FAPILOG_CORE__BATCH_MAX_SIZE=nonsense",
	}
	c := envConfig(t, python...)
	want := Delivery{Breaker: breaker.Config{Failures: 7, Recovery: 2500 * time.Millisecond, Probes: 3}, Fallback: "stderr", breakerOn: true}
	if c.Defaults != want || c.Level != slog.LevelWarn || !c.Serial {
		t.Errorf("got %+v, level %v, serial %v", c.Defaults, c.Level, c.Serial)
	}
	if routes := mustResolve(t, c); routes[0].fallback != 1 || routes[1].fallback != -1 {
		t.Errorf("fallbacks %d and %d, want 1 and none", routes[0].fallback, routes[1].fallback)
	}

	c = envConfig(t, append(python, "FAPILOG_BREAKER=false", "FAPILOG_BREAKER_FAILURES=1", "FAPILOG_BREAKER_RECOVERY=2s", "FAPILOG_BREAKER_PROBES=4",
		"FAPILOG_ON_OPEN=skip", "FAPILOG_PARALLEL_WRITES=true", "FAPILOG_LEVEL=error")...)
	want = Delivery{Breaker: breaker.Config{Off: true, Failures: 1, Recovery: 2 * time.Second, Probes: 4}, OnOpen: Skip}
	if c.Defaults != want || c.Level != slog.LevelError || c.Serial {
		t.Errorf("the new names do not go first: %+v, level %v, serial %v", c.Defaults, c.Level, c.Serial)
	}
}

func TestBoolsAreThoseOfPydantic(t *testing.T) {
	for value, want := range map[string]bool{"True": true, "t": true, "YES": true, "y": true, "on": true, "1": true,
		"False": false, "f": false, "no": false, "N": false, "Off": false, "0": false} {
		if got, err := parseBool(value); err != nil || got != want {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
	if _, err := parseBool("maybe"); err == nil {
		t.Error("maybe is no bool")
	}
}

func TestMisspeltVariableIsAnErrorAndAForeignOneIsNot(t *testing.T) {
	for name, want := range map[string]string{
		"FAPILOG_BRAKER":                    "FAPILOG_BREAKER",
		"FAPILOG_LEVLE":                     "FAPILOG_LEVEL",
		"FAPILOG_SINK":                      "FAPILOG_SINKS",
		"FAPILOG_LOG_LEVEL":                 "FAPILOG_LEVEL",
		"FAPILOG_BREAKER_FAILURE_THRESHOLD": "FAPILOG_BREAKER",
		"FAPILOG_JOURNAL_DIR":               "FAPILOG_JOURNAL",
		"FAPILOG_BATCH_SIZE":                "FAPILOG_BATCH_BYTES",
		"FAPILOG_ONFULL":                    "FAPILOG_ON_FULL",
		"FAPILOG_REDACTION":                 "FAPILOG_REDACT",
		"FAPILOG_REDACT_PATTERNS":           "FAPILOG_REDACT_PATTERN",
		"FAPILOG_REDACT_KEY":                "FAPILOG_REDACT_KEYS",
		"FAPILOG_REDACT_FIELDS":             "FAPILOG_REDACT",
		"FAPILOG_MAX_RECORD_BYTES":          "FAPILOG_BATCH_BYTES",
	} {
		_, err := configFrom([]string{name + "=1"}, nil)
		if err == nil || !strings.Contains(err.Error(), "unknown variable "+name+" (did you mean "+want+"?)") {
			t.Errorf("%s: %v, want a hint at %s", name, err, want)
		}
	}
	envConfig(t, "FAPILOG_PORT=tcp://10.0.0.1:80", "FAPILOG_SERVICE_HOST=10.0.0.1", "FAPILOG_SERVICE_PORT_HTTP=80", "FAPILOG_PORT_80_TCP_PROTO=tcp",
		"FAPILOG_JOURNAL_SERVICE_HOST=10.0.0.1", "FAPILOG_JOURNAL_SERVICE_PORT=80", "FAPILOG_JOURNAL_SERVICE_PORT_HTTP_2=80", "FAPILOG_JOURNAL_PORT=tcp://10.0.0.1:80",
		"FAPILOG_SINKS_PORT_9090_TCP=tcp://10.0.0.1:9090", "FAPILOG_SINKS_PORT_9090_UDP_ADDR=10.0.0.1", "FAPILOG_TIMEOUT_PORT_1_SCTP_PORT=1",
		"FAPILOG_VERSION=3", "FAPILOG_CORE__BRAKER=1", "FAPILOG_=1", "FAPILOG=1")
}
