package breaker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestZeroConfigOpensAfterFiveFailuresForThirtySeconds(t *testing.T) {
	want := Config{Failures: 5, Recovery: 30 * time.Second, Probes: 1}
	if got := (Config{}).WithDefaults(); got != want {
		t.Errorf("defaults are %+v, want %+v", got, want)
	}
	set := Config{Off: true, Failures: 1, Recovery: 1, Probes: 2}
	if got := set.WithDefaults(); got != set {
		t.Errorf("%+v became %+v", set, got)
	}
}

func TestValidateReportsEveryNegativeNumber(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	bad := Config{Failures: -1, Recovery: -2, Probes: -3}
	err := bad.Validate()
	for _, field := range []string{"Failures is -1", "Recovery is -2ns", "Probes is -3"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not say %q", err, field)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New accepted an invalid Config")
		}
	}()
	New(bad)
}

func TestNamesAndMetricValues(t *testing.T) {
	for s, want := range map[State]string{Closed: "closed", HalfOpen: "half-open", Open: "open", 7: "unknown", -1: "unknown"} {
		if s.String() != want {
			t.Errorf("State(%d) is %q, want %q", s, s, want)
		}
	}
	if Closed != 0 || HalfOpen != 1 || Open != 2 {
		t.Errorf("the values are %d, %d, %d, want 0, 1, 2", Closed, HalfOpen, Open)
	}
	text, err := json.Marshal(map[string]State{"circuit": HalfOpen})
	if err != nil || string(text) != `{"circuit":"half-open"}` {
		t.Errorf("JSON is %s, %v", text, err)
	}
	var back map[string]State
	if err := json.Unmarshal(text, &back); err != nil || back["circuit"] != HalfOpen {
		t.Errorf("%s is read as %v, %v", text, back, err)
	}
	for _, s := range []State{Closed, HalfOpen, Open} {
		read := State(7)
		if err := read.UnmarshalText([]byte(s.String())); err != nil || read != s {
			t.Errorf("%v is read as %v, %v", s, read, err)
		}
	}
	for _, text := range []string{"", "unknown", "OPEN"} {
		read := HalfOpen
		if err := read.UnmarshalText([]byte(text)); err == nil || read != HalfOpen {
			t.Errorf("%q is read as %v, %v", text, read, err)
		}
	}
	for o, want := range map[Outcome]string{Success: "success", Failure: "failure", Neutral: "neutral", 0: "unknown", 4: "unknown"} {
		if o.String() != want {
			t.Errorf("Outcome(%d) is %q, want %q", o, o, want)
		}
	}
}
